"""The only place that builds models: hub name, local directory, or a package of the registry -> HookedTransformer."""

from interp.models.config import DirectoryModel, HubModel, ModelConfig, PackagedModel, Processing
from interp.models.info import LoadedModel, ModelInfo
from interp.models.load import load_model, model_dimensions

__all__ = [
    "DirectoryModel",
    "HubModel",
    "LoadedModel",
    "ModelConfig",
    "ModelInfo",
    "PackagedModel",
    "Processing",
    "load_model",
    "model_dimensions",
]
