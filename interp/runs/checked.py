"""What `interp validate` finds of a run before it runs, as a mapping that is printed as JSON (`--json`) or added up by a sweep."""

from __future__ import annotations

from typing import TypedDict


class ProbeAsked(TypedDict):
    """What a probe would do: the prompts that it measures on, and forward passes of one prompt."""

    probe: str
    kind: str
    prompts: int
    forward_passes: int


class LeftOut(TypedDict):
    """How many prompts are left out for one reason, and that reason with an example."""

    prompts: int
    example: str


class MemoryNeeded(TypedDict):
    """GB: at the peak; while the model is loaded, and while it is measured; below which no setting brings it."""

    peak: float
    loading: float
    measuring: float
    unbounded: float


class Checked(TypedDict, total=False):
    """What a check found; a kind of run says what it knows. A comparison has `models`, each run's by the label of its model."""

    on_this_machine: bool
    """False, and nothing else, where the model has yet to be fetched."""
    model: str
    prompts: int
    prompts_left_out: int
    left_out: list[LeftOut]
    notes: list[str]
    probes: list[ProbeAsked]
    forward_passes_at_most: int
    memory_gb: MemoryNeeded
    models: dict[str, Checked]
