"""What a probe is: its settings, the variants it asks for, and what it concludes from the effects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.findings import Findings
from interp.analysis.seeding import generator
from interp.analysis.shapes import Shape
from interp.configs.lazy import lazy
from interp.configs.names import FileName
from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.errors import UserError
from interp.interventions.edits import Edit, Variant
from interp.prompts.choice import ChoiceOfPrompts
from interp.words.tense import Tense

if TYPE_CHECKING:
    import pandas as pd

    from interp.measure.study import Selection, Study
else:
    pd = lazy("pandas")


ShareDefinition = Literal["joint", "absolute", "net"]


@dataclass(frozen=True)
class Reading:
    """What a probe needs to draw conclusions: the run's seed, its statistics and its definition of a share."""

    seed: int
    confidence: float
    n_resamples: int
    share_target: float
    share_definition: ShareDefinition

    def bootstrap(self, clusters: Sequence[str], *label: str) -> Bootstrap:
        """Resamples of the given clusters (one a prompt), the same every time for the same label."""
        return Bootstrap(clusters, self.n_resamples, self.confidence, generator(self.seed, "bootstrap", *label))


class Probe(Section):
    """A question to the model. Subclasses set `kind`, their settings, `variants`, and `summarise` if they need one."""

    shapes: ClassVar[frozenset[Shape] | None] = None
    """The shapes that its table may have, so that a figure that cannot draw it is refused before a run; None: not said."""

    findings: ClassVar[type[Findings]] = Findings
    """What it concludes, typed; of a probe that does not say, anything that JSON holds."""

    cites: ClassVar[tuple[str, ...]] = ()
    """What a methods section cites for it: names in interp.report.bibliography, or whole BibTeX entries (`@...`)."""

    kind: str
    name: FileName | None = Field(default=None, description="Label in tables and figures; default: the kind.")
    prompts: ChoiceOfPrompts = "all"

    @property
    def label(self) -> str:
        """The probe's name in this run."""
        return self.name or self.kind

    def method(self, it: Tense) -> str:
        """What it does with these settings, for a paper's methods section: a sentence or two, whose verb is `it.is_` or `it.are`.

        A probe that has none of its own is told by the first line of its docstring, and by the settings that differ from usual.
        """
        line = next(iter((type(self).__doc__ or self.kind).strip().splitlines())).rstrip(".")
        given = self.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "name", "prompts"})
        settings = "; ".join(f"{name}: {value}" for name, value in given.items())
        return f"The probe {self.kind} {it.is_} run {self.on_prompts}: {line}{f' ({settings})' if settings else ''}."

    @property
    def on_prompts(self) -> str:
        """`on all prompts`."""
        return ON[self.prompts]

    def variants(self, study: Study) -> Iterable[Variant]:
        """The interventions to measure."""
        raise UserError(f"probe {self.label!r} ({self.kind}) has no list of variants of its own")

    def where(self, study: Study) -> list[Selection]:
        """The prompts to measure on."""
        return study.select(self.prompts)

    def run(self, study: Study) -> pd.DataFrame | Iterator[pd.DataFrame]:
        """The rows of the effects table; override it for a probe of several stages or one that only observes.

        A table that may be large comes in parts, which are written as they come.
        """
        return study.measure(self.variants(study), self.where(study))

    def passes(self, study: Study) -> int:
        """How many forward passes of one prompt the probe will take; overridden with `run`."""
        return sum(1 for _ in self.variants(study)) * self.n_prompts(study)

    def n_rows(self, study: Study) -> int:
        """About how many rows of the effects table it writes."""
        return self.passes(study)

    def check(self, study: Study) -> None:
        """UserError for whatever can be told wrong before anything is measured: from settings, sizes and prompts alone.

        Here: no variant at all, one that is asked for twice (it would count double in every mean), two that tables cannot
        tell apart, a position or role that a prompt does not have. Observations and probes of several stages check what they can.
        """
        variants = list(self.variants(study))
        if not variants:
            raise UserError("it asks for nothing: its heads, layers or positions are empty")
        for variant, times in Counter(variants).items():
            if times > 1:
                raise UserError(f"it asks {times} times for the same edit ({_first_edit(variant)}); name it once")
        named: dict[tuple[object, ...], Variant] = {}
        for variant in variants:
            other = named.setdefault(tuple(variant.names.values()), variant)
            if other is not variant:
                raise UserError(
                    f"two of its variants ({_first_edit(other)}; {_first_edit(variant)}) have the same names in the tables, so "
                    "their rows would be taken for one; give them another part, group or n_kept"
                )
        places = {place for variant in variants for edit in variant.edits for place in (edit.query, edit.key)}
        drawn = {edit.source for variant in variants for edit in variant.edits} & {"mean", "resample"}
        for selection in self.where(study):
            if drawn and len(selection.prompts) < 2:
                raise UserError(
                    f"source {min(drawn)} needs a template with at least two prompts, or it changes nothing"
                )
            for place in sorted(places - {None}, key=str):
                selection.prompts.indices(place)

    def n_prompts(self, study: Study) -> int:
        """Prompts that the probe measures on."""
        return sum(len(selection.rows) for selection in self.where(study))

    @property
    def concludes(self) -> bool:
        """Whether it has a `summarise` of its own; else its table need not be read again."""
        return type(self).summarise is not Probe.summarise

    def summarise(self, effects: pd.DataFrame, study: Study, reading: Reading) -> Findings:
        """What the probe concludes, for metrics.json; the means and intervals of all effects are made without it."""
        return Findings(kind=self.kind)

    def concluded(self, effects: pd.DataFrame, study: Study, reading: Reading) -> Findings:
        """The same, held against `findings`."""
        return self.findings.model_validate(self.summarise(effects, study, reading).plain())


ON: dict[str, str] = {
    "all": "on all prompts",
    "focus_template": "on the prompts of the focus prompt's wording",
    "focus": "on the focus prompt",
}


class Observation(Probe):
    """A probe that reads an unedited run and changes nothing."""

    def passes(self, study: Study) -> int:
        """One forward pass a prompt."""
        return self.n_prompts(study)

    def check(self, study: Study) -> None:
        """It has no variants."""


def _first_edit(variant: Variant) -> str:
    if not variant.edits:
        return "no edit"
    edit = variant.edits[0]
    return f"{edit.site if edit.head is None else head_label(edit.layer, edit.head)}, layer {edit.layer}"


probes: Registry[Probe] = Registry("probe")


def parse_head(text: object) -> tuple[int, int]:
    """`L11-H7` -> (11, 7)."""
    if isinstance(text, list | tuple) and len(text) == 2 and all(type(part) is int and part >= 0 for part in text):
        return text[0], text[1]
    match = re.fullmatch(r"L(\d+)-?H(\d+)", str(text))
    if match is None:
        raise ValueError(f"{text!r} is no head; write it as L11-H7 (layer 11, head 7, both from 0)")
    return int(match[1]), int(match[2])


Head = Annotated[tuple[int, int], BeforeValidator(parse_head, json_schema_input_type=str)]


def head_label(layer: int, head: int) -> str:
    """(11, 7) -> `L11-H7`."""
    return f"L{layer}-H{head}"


def heads_of(choice: Sequence[Head] | Literal["all"], study: Study, site: str = "z") -> list[tuple[int, int]]:
    """Every head of the model (at a site), or those listed, checked against the model."""
    n_heads = study.sizes.heads(site)
    if choice == "all":
        return [(layer, head) for layer in range(study.sizes.n_layers) for head in range(n_heads)]
    for layer, head in choice:
        if layer >= study.sizes.n_layers or head >= n_heads:
            raise UserError(
                f"head {head_label(layer, head)} is out of range; the model has layers 0 to {study.sizes.n_layers - 1} "
                f"with heads 0 to {n_heads - 1}"
            )
    return [(layer, head) for layer, head in choice]


def within_windows(edits: Iterable[Edit], study: Study, where: Sequence[Selection]) -> list[Edit]:
    """The edits whose edge exists in all wordings; UserError when a window leaves none."""
    asked = list(edits)
    inside = [edit for edit in asked if all(study.sizes.exists(edit, here.prompts) for here in where)]
    if asked and not inside:
        widest = max(window for window in study.sizes.windows if window is not None)
        raise UserError(
            f"key {asked[0].key!r} is too far from query {asked[0].query!r}: queries see at most {widest} tokens, their own "
            "included, in every layer that was asked about, so there is no such edge"
        )
    return inside


def by_prompt(effects: pd.DataFrame, columns: Sequence[str], value: str = "value") -> pd.DataFrame:
    """One row a prompt, one column a combination of `columns` (in their order of appearance)."""
    wide = effects.pivot_table(index="prompt", columns=list(columns), values=value, sort=False, dropna=False)
    return wide.sort_index()


def clusters_of(effects: pd.DataFrame) -> list[str]:
    """The word pair of every prompt, in order of prompt numbers."""
    return effects.drop_duplicates("prompt").sort_values("prompt")["pair"].tolist()
