"""What manifest.json says of a run: how it ended, and what its numbers depend on (docs/tables.md)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from interp.analysis.findings import Plain


class EngineFound(Plain):
    """How the interventions were run, over all probes; of the attempt that finished the run."""

    model_config = ConfigDict(extra="allow")

    by_hooks_because: str | None = None
    """Why the model ran through its own blocks; null where it ran in one sweep over the layers."""
    variants: int = 0
    """Sets of edits."""
    unchanged: int = 0
    """Those of them that causality leaves without an effect, and that were not run."""
    repeated: int = 0
    """Those that do the same as another."""


class Manifest(Plain):
    """manifest.json. A kind of run may say more (`manifest[name]`); without a status there is no manifest that counts."""

    model_config = ConfigDict(extra="allow")

    status: Literal["running", "interrupted", "failed", "finished", "collected"] | None = None
    name: str = ""
    config: str = ""
    """The YAML, as it was given on the command line."""
    overrides: list[str] = Field(default_factory=list)
    config_hash: str | None = None
    """Of the resolved config, but for the output folder."""
    seed: int | None = None
    command: str = ""
    """What runs it again."""
    folder: str = ""
    seconds: float = 0.0
    """Of all attempts."""
    error: str | None = None
    """What ended a run that failed."""
    versions: dict[str, str | None] = Field(default_factory=dict)
    """Of Python and of the packages that decide numbers, and the commit of the checkout."""
    code: dict[str, str] = Field(default_factory=dict)
    """Digest of the modules that make numbers, and versions: a run of other code is only drawn again."""
    inputs: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Every file that the config names: its digest, and by what it is known to be untouched."""
    tables: dict[str, str | None] = Field(default_factory=dict)
    """Digest of every table of a finished run."""
    threads: int | None = None
    engine: EngineFound | None = None
    gates: dict[str, int] | None = None
    """What the gates of a sparse model do on the run's prompts."""
    probe_seconds: dict[str, float] = Field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """What manifest.json has under a name, that of what a kind of run says beside included; KeyError where it has none."""
        return self.plain()[name]
