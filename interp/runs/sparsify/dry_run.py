"""`interp validate` for a training run."""

from __future__ import annotations

from rich.console import Console

from interp.configs.loading import LoadedConfig
from interp.configs.paths import user_path
from interp.models import model_dimensions
from interp.models.sparse_checkpoint import look
from interp.runs.checked import Checked
from interp.runs.sparsify.run import check_context
from interp.sparsify.config import SparsifyConfig


def describe(config: LoadedConfig[SparsifyConfig], console: Console) -> Checked:
    """Whether the model, where it is there, and the adapter to begin with can be used; UserError when they cannot."""
    dimensions, begin = model_dimensions(config.run.model), config.run.training.begin
    if dimensions is not None:
        check_context(config.run, dimensions[0].name, dimensions[0].n_ctx, dimensions[0].windows)
    if begin is not None:
        look(user_path(begin, "training.begin"), "training.begin")
    return {"on_this_machine": dimensions is not None}
