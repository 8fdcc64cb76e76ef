"""What every run's manifest says from its beginning, whatever its kind."""

from __future__ import annotations

from typing import Any

from interp.configs.loading import LoadedConfig
from interp.configs.paths import shown_path
from interp.report.commands import run_command
from interp.results.manifest import Manifest
from interp.results.run_folder import RunFolder


def manifest_of(config: LoadedConfig[Any], folder: RunFolder, verb: str = "experiment") -> Manifest:
    """What the manifest says from the beginning."""
    return Manifest(
        status="running",
        name=config.run.name,
        config=shown_path(config.path),
        overrides=list(config.overrides),
        config_hash=folder.config_hash,
        seed=config.run.seed,
        command=run_command(verb, config.path, config.overrides),
        folder=shown_path(folder.path),
    )
