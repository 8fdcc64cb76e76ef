"""The only place that builds models: hub name, local directory, or a package of the registry -> HookedTransformer."""

from typing import TYPE_CHECKING, Any

from interp.analysis.findings_of_run import ModelFound
from interp.models.config import (
    BuiltModel,
    DirectoryModel,
    Fetched,
    HubModel,
    HuggingFaceSource,
    ModelConfig,
    ModelSource,
    PackagedModel,
    Processing,
    model_sources,
)
from interp.models.info import LoadedModel

if TYPE_CHECKING:
    from interp.models.kept import load_model
    from interp.models.load import model_dimensions

__all__ = [
    "BuiltModel",
    "DirectoryModel",
    "Fetched",
    "HubModel",
    "HuggingFaceSource",
    "LoadedModel",
    "ModelConfig",
    "ModelFound",
    "ModelSource",
    "PackagedModel",
    "Processing",
    "load_model",
    "model_dimensions",
    "model_sources",
]


def __getattr__(name: str) -> Any:
    """The loaders are imported when they are used: a YAML's model section needs the settings alone."""
    if name in ("load_model", "model_dimensions"):
        from interp.models import kept, load

        return getattr(kept if name == "load_model" else load, name)
    raise AttributeError(name)
