"""Probe `activation_patching`: copy one activation from one run into the other, site by site.

`denoise` puts a clean activation into the corrupted run (is it sufficient?), `noise` a corrupted one into the clean run
(is it necessary?); see Heimersheim & Nanda, arXiv 2404.15255.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from interp.analysis.shapes import Shape
from interp.interventions.edits import RESIDUAL, Edit, Run, Site, Source, Variant
from interp.probes.base import Probe, heads_of, probes
from interp.prompts.choice import ChoiceOfPrompts
from interp.prompts.pairs import Position
from interp.words.tense import Tense

if TYPE_CHECKING:
    from interp.measure.study import Study


PatchSite = Literal["resid_pre", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern"]
DIRECTIONS: dict[str, tuple[Run, Source]] = {"denoise": ("corrupted", "clean"), "noise": ("clean", "corrupted")}


@probes.register
class ActivationPatching(Probe):
    """Copy one activation between the clean and the corrupted run, by layer and position or by head."""

    shapes: ClassVar[frozenset[Shape] | None] = frozenset({"layer x head", "layer x position", "layer curve"})
    cites: ClassVar[tuple[str, ...]] = ("heimersheim2024patching",)
    kind: Literal["activation_patching"] = "activation_patching"
    prompts: ChoiceOfPrompts = "focus_template"
    sites: tuple[PatchSite, ...] = Field(
        default=("resid_pre", "attn_out", "mlp_out", "z"),
        min_length=1,
        description="What is copied: by layer and position (resid_pre, attn_out, mlp_out), or by head (z, q, k, v, pattern).",
    )
    directions: tuple[Literal["denoise", "noise"], ...] = Field(
        default=("denoise", "noise"),
        min_length=1,
        description="denoise: clean values into the corrupted run; noise: corrupted values into the clean run.",
    )
    positions: Literal["all"] | Annotated[tuple[Position, ...], Field(min_length=1)] = Field(
        default="all",
        description="Positions or roles for resid_pre, attn_out and mlp_out; `all` positions need prompts of one "
        "template. Sites of heads are patched at all positions at once.",
    )

    def method(self, it: Tense) -> str:
        """Each activation alone, one way or both."""
        ways = {
            "denoise": "from the clean into the corrupted run (denoise)",
            "noise": "from the corrupted into the clean run (noise)",
        }
        return (
            f"Single activations ({', '.join(self.sites)}) {it.are} copied "
            f"{' and '.join(ways[way] for way in self.directions)}, layer by layer and position by position (z: head by "
            f"head), {self.on_prompts}."
        )

    def variants(self, study: Study) -> Iterable[Variant]:
        """Layer by position for the residual stream's sites, layer by head for the others (key-value heads for k, v)."""
        positions = self._positions(study)
        for direction in self.directions:
            base, source = DIRECTIONS[direction]
            for site in self.sites:
                for edit in self._edits(study, site, source, positions):
                    yield Variant.of(edit, base=base, part=f"{site}/{direction}")

    def _edits(self, study: Study, site: Site, source: Source, positions: tuple[Position, ...]) -> Iterable[Edit]:
        if site in RESIDUAL:
            for layer in range(study.sizes.n_layers):
                for position in positions:
                    yield Edit(site, layer, query=position, source=source)
        else:
            for layer, head in heads_of("all", study, site):
                yield Edit(site, layer, head, source=source)

    def _positions(self, study: Study) -> tuple[Position, ...]:
        if self.positions != "all":
            return self.positions
        chosen = self.where(study)
        if len(chosen) > 1:
            # Numbers mean different tokens in different templates; roles do not.
            return tuple(name for name in chosen[0].prompts.roles)
        return tuple(range(1, chosen[0].prompts.n_tokens + 1))
