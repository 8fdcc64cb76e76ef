"""`interp.load`: a model by its packaged name, directory or hub name, or a HookedTransformer of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interp.api.given import section
from interp.api.progress import console
from interp.configs.section import Section
from interp.errors import UserError
from interp.models import LoadedModel, ModelConfig, load_model
from interp.models.by_hand import wrapped
from interp.models.catalogue import PACKAGED


def load(model: Any = "smollm2-135m-instruct", *, tokenizer: Any = None, **settings: Any) -> LoadedModel:
    """A model that is ready to be asked; its logits are held against Hugging Face's.

    Args:
        model: a packaged name (`interp list` shows them), the path of a Hugging Face directory, a name of the model hub,
            or a HookedTransformer, which is taken as it is.
        tokenizer: for a HookedTransformer; None: its own. A model without any is asked with token ids as prompts.
        settings: the fields of a YAML's `model` section, such as dtype="bfloat16", device="cuda", prepend_bos=True.

    Raises:
        UserError: there is no such model, it is damaged or not supported, or a setting is wrong.
    """
    if not isinstance(model, str | Path):
        if settings.keys() - {"prepend_bos"}:
            raise UserError(
                f"a model of one's own is taken as it is; it cannot be given {', '.join(sorted(settings))} (only prepend_bos)"
            )
        prepend_bos = settings.get("prepend_bos", False)
        if not isinstance(prepend_bos, bool):
            raise UserError(f"prepend_bos must be true or false, not {prepend_bos!r}")
        return wrapped(model, tokenizer, prepend_bos)
    if tokenizer is not None:
        raise UserError("a tokenizer can only be given with a HookedTransformer; a named model brings its own")
    return load_model(model_config(str(model), settings), console())


def model_config(name: str, settings: dict[str, Any]) -> ModelConfig:
    """The `model` section that a name stands for: a packaged one, a directory, or a name of the hub."""
    if name in PACKAGED:
        where = {"source": "pypi", "name": name}
    elif Path(name).expanduser().is_dir():
        where = {"source": "directory", "path": name}
    else:
        where = {"source": "hub", "name": name}
    twice = where.keys() & settings.keys()
    if twice:
        raise UserError(f"the model is {name!r}, which says its {' and '.join(sorted(twice))}; leave that out")
    return section(_Model, {"model": where | settings}).model


class _Model(Section):
    """The part of a YAML that says which model."""

    model: ModelConfig
