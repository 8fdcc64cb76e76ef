"""What every run's manifest says from its beginning, whatever its kind."""

from __future__ import annotations

from typing import Any

from interp.results.run_folder import RunFolder
from interp.yaml_config import LoadedConfig


def manifest_of(config: LoadedConfig[Any], folder: RunFolder, verb: str = "experiment") -> dict[str, Any]:
    """What the manifest says from the beginning."""
    return {
        "status": "running",
        "name": config.run.name,
        "config": str(config.path),
        "overrides": list(config.overrides),
        "config_hash": folder.config_hash,
        "seed": config.run.seed,
        "command": " ".join(["make", verb, f"CONFIG={config.path}", *_set(config.overrides)]),
        "folder": str(folder.path),
    }


def _set(overrides: tuple[str, ...]) -> list[str]:
    return [f'SET="{" ".join(overrides)}"'] if overrides else []
