"""Recipe `one_sentence`: a report that names the strongest head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from interp.errors import UserError
from interp.figures.of_a_probe import figures_of
from interp.report.recipe import Recipe, recipes
from interp.report.story import Section, Story
from interp.words.numbers import around

if TYPE_CHECKING:
    from interp.figures import Figure
    from interp.results.tables import RunTables


@recipes.register
class OneSentence(Recipe):
    """The strongest head of one probe, in a sentence computed from the tables."""

    kind: Literal["one_sentence"] = "one_sentence"
    probe: str = "first_token_cut"

    def check(self, kinds: Mapping[str, str]) -> None:
        """The probe must be there; a mistake is told before anything is measured."""
        if self.probe not in kinds:
            raise UserError(
                f"experiment {self.kind}: there is no probe {self.probe!r}; this run has {', '.join(kinds)}"
            )

    def figures(self, tables: RunTables) -> list[Figure]:
        """What the shapes of the probe's table allow."""
        return figures_of(tables, self.probe)

    def story(self, tables: RunTables, figures: list[str]) -> Story:
        """Every number comes from the tables."""
        run, rows = tables.run, tables.summary_of(self.probe)
        best = rows.loc[rows["mean"].abs().idxmax()]
        return Story(
            title=run.title or run.name,
            question=run.question,
            answer=[
                f"Cutting L{best['layer']}-H{best['head']} moves the {run.metric.words} by "
                f"{around(best['mean'], best['ci_low'], best['ci_high'])} {run.metric.unit}."
            ],
            sections=[Section("Every head", figures=figures)],
        )
