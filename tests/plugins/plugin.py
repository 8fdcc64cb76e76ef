"""A stranger's package: one of every kind that interp knows, and nothing of interp changed for it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from interp.experiment import Experiment, experiments
from interp.figures import Drawn, Figure, figures
from interp.interventions import Edit, Variant
from interp.metrics import Metric, Readout, metrics
from interp.probes import Probe, probes
from interp.prompts import PromptPair, Task, tasks
from interp.report.story import Section, Story

if TYPE_CHECKING:
    from interp.measure.study import Study
    from interp.results.tables import RunTables


@tasks.register
class Weekdays(Task):
    """Two weekdays as each other's answers."""

    kind: Literal["plugin_weekdays"] = "plugin_weekdays"

    def candidates(self) -> list[PromptPair]:
        """Two prompt pairs."""
        words = [("large", "small"), ("hot", "cold")]
        return [
            PromptPair(
                clean=f'The opposite of "{word}" is "',
                corrupted=f'The opposite of "{other}" is "',
                answer=answer,
                foil=foil,
                template="opposite",
                pair=word,
                fields={"word": word},
            )
            for (word, answer), (other, foil) in zip(words, words[::-1], strict=True)
        ]


@metrics.register
class TwiceTheDifference(Metric):
    """Twice the logit difference."""

    kind: Literal["plugin_twice"] = "plugin_twice"
    unit: ClassVar[str] = "double logits"
    words: ClassVar[str] = "twice the logit difference"

    def __call__(self, out: Readout):
        return 2 * (out.logits_of(out.answer) - out.logits_of(out.foil))


@probes.register
class FirstTokenCut(Probe):
    """Cut every head's edge from the first token to the query."""

    kind: Literal["plugin_first_token_cut"] = "plugin_first_token_cut"
    source: Literal["zero", "mean", "corrupted"] = "zero"

    def variants(self, study: "Study") -> Iterable[Variant]:
        """One variant a head."""
        for layer in range(study.sizes.n_layers):
            for head in range(study.sizes.n_heads):
                yield Variant.of(Edit("edge", layer, head, query="query", key=1, source=self.source))


@figures.register
class Bars(Figure):
    """The mean effect of every head as a bar."""

    kind: Literal["plugin_bars"] = "plugin_bars"
    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("plugin_first_token_cut",)}

    def draw(self, tables: "RunTables") -> Drawn:
        """One bar a head."""
        from interp.figures.base import new_figure

        rows = tables.summary_of(self.label(tables))
        figure = new_figure(3.0, 2.0)
        figure.add_subplot().bar(range(len(rows)), rows["mean"])
        return Drawn(figure, rows[["layer", "head", "mean"]], "Bars of a plugin", self.caption or "One bar a head.")


@experiments.register
class Recipe(Experiment):
    """A page with one sentence."""

    kind: Literal["plugin_recipe"] = "plugin_recipe"

    def figures(self, tables: "RunTables") -> list[Figure]:
        """The bars."""
        return [Bars()]

    def story(self, tables: "RunTables", figures: list[str]) -> Story:
        """One sentence and the figures."""
        return Story("A plugin's report", "Does it work?", ["It works."], sections=[Section("Bars", figures=figures)])
