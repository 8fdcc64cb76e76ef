"""How fast the engine is on this machine for a model's sizes: measured on two random layers, and scaled to all of them.

The cheapest question, one key->query edge (a single position is computed anew), and the dearest usual one, a head at all
positions, bound what a forward pass of the engine takes; a run asks some of both.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from interp.analysis.findings_of_run import Sizes
from interp.configs.lazy import lazy
from interp.errors import UserError

if TYPE_CHECKING:
    import interp.interventions.edits as edits
    import interp.prompts.pairs as pairs
else:
    edits, pairs = lazy("interp.interventions.edits"), lazy("interp.prompts.pairs")

LAYERS, TOKENS, PROMPTS = 2, 8, 16


@dataclass(frozen=True)
class Speed:
    """Seconds of a forward pass of one prompt: cheapest and dearest."""

    least: float
    most: float

    def seconds(self, passes: int) -> tuple[float, float]:
        """What so many take."""
        return passes * self.least, passes * self.most


def calibrated(run: Any) -> Speed | None:
    """The speed for the (first) model of a run's config; None where it has none, or its sizes are not known here."""
    from interp.models import model_dimensions
    from interp.models.config import ModelSource

    models = getattr(run, "models", None)
    model = getattr(run, "model", None) if models is None else next(iter(models.values()))
    if not isinstance(model, ModelSource):  # a kind of run may call something of its own `model`
        return None
    try:
        dimensions = model_dimensions(model)
    except UserError:
        return None
    if dimensions is None:
        return None
    sizes, device = dimensions[0], getattr(model, "device", "cpu")
    return speed_of(Sizes(**{name: getattr(sizes, name) for name in Sizes.model_fields}), device)


@cache
def speed_of(sizes: Sizes, device: str = "cpu") -> Speed:
    """Measure for about a second. A variant of layer l computes the layers above it, so half of the layers on average."""
    from interp.interventions.engine import Engine
    from interp.models.load import device_of
    from interp.models.stand_in import stand_in

    engine = Engine(stand_in(sizes, LAYERS, device_of(device)))
    prompts = _prompts()
    heads = range(sizes.n_heads)
    cheap = [edits.Edit("edge", 0, head, query="query", key="key", source="corrupted") for head in heads]
    dear = [edits.Edit("z", 0, head) for head in heads]
    average = (sizes.n_layers + 1) / 2 / LAYERS
    return Speed(*sorted(_seconds(engine, prompts, asked) * average for asked in (cheap, dear)))


def _seconds(engine: Any, prompts: pairs.PromptSet, asked: list[edits.Edit]) -> float:
    """Of one variant on one prompt, the best of three: what else the machine does is no part of it."""
    from interp.metrics import LogitDiff

    variants = [edits.Variant.of(edit) for edit in asked]
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        engine.measure(variants, prompts, LogitDiff())
        best = min(best, time.perf_counter() - started)
    return best / (len(variants) * len(prompts))


def _prompts() -> pairs.PromptSet:
    import torch

    from interp.models.stand_in import FEW_TOKENS

    clean = torch.randint(0, FEW_TOKENS, (PROMPTS, TOKENS), generator=torch.Generator().manual_seed(0))
    corrupted = clean.clone()
    corrupted[:, 2] = (clean[:, 2] + 1) % FEW_TOKENS
    words = tuple(tuple(str(token) for token in row) for row in clean.tolist())
    return pairs.PromptSet(
        name="calibration",
        pairs=tuple(pairs.PromptPair("", "", "", "", "", str(number)) for number in range(PROMPTS)),
        prompts=tuple(range(PROMPTS)),
        clean=clean,
        corrupted=corrupted,
        answer=clean[:, 0],
        foil=clean[:, 1],
        clean_tokens=words,
        corrupted_tokens=words,
        roles={"key": (3,), "query": (TOKENS,)},
        bos=0,
    )
