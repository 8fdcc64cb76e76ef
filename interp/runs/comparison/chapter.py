"""The chapter on comparisons of a sweep's report: ratios of heads and edges over tasks and seeds, what the answers are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from interp.analysis.findings_of_comparison import RatioFound
from interp.configs.lazy import lazy
from interp.report.definitions import DEFINITIONS
from interp.report.story import Section, TableBlock
from interp.runs.chapter import (
    MOST_LINES,
    Cell,
    Chapter,
    Layout,
    Point,
    cells_of,
    cut_note,
)
from interp.runs.comparison.many import QUESTIONS, Asked, asked_of, ratio_table, together
from interp.runs.comparison.many_figure import ratios_figure
from interp.runs.comparison.many_sentences import answer
from interp.runs.comparison.sentences import both_ways
from interp.runs.comparison.tables import ratio
from interp.runs.shown import Shown, forest_of, summary_block, summary_table
from interp.words.numbers import NONE, needed

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

TOLD = ("Key→query edge", "Held out", "Joint share", "Circuit of edges", "Interval")
OWN = {
    "Ratio": "Heads (edges) that the first model of a comparison needs over those that the second needs, on the same prompts; "
    "both sides are resampled together, by word pair. Above 1: the second needs fewer.",
    "Both ways": "A model is said to need fewer edges only where the sufficient and the necessary circuit both say so, with "
    "intervals that leave out 1, and the counts at the other shares do not disagree.",
    "Together": "The geometric mean. Points that repeat each other (seeds, wordings) ask partly the same word pairs, so the ends "
    "of their intervals are averaged as the ratios are: the interval is never narrower than these shared words allow. Cells "
    "(tasks, models) ask other word pairs; there the interval of the mean combines theirs as independent (Zou & Donner 2008).",
}


def chapter(points: Sequence[Point], layout: Layout) -> Chapter:
    """What many comparisons say together."""
    asked = [models for point in points for models in asked_of(point)]
    pairs = list(dict.fromkeys(models.name for models in asked))
    of_pairs = {pair: cells_of(layout, [models for models in asked if models.name == pair]) for pair in pairs}
    cells = cells_of(layout, points)
    questions = [question for question in QUESTIONS if any(each.ratio(question) is not None for each in asked)]
    worth = _worth(pairs)
    drawn = {"worth": forest_of(cells, worth, "What the answers are worth")}
    tables = {"summary.csv": summary_table(cells, worth)}
    sections = []
    if questions:
        drawn["ratios"] = ratios_figure(of_pairs, cells, questions)
        tables["ratios.csv"] = ratio_table(of_pairs, questions)
        sections.append(
            Section(
                "Ratios of heads and edges",
                figures=["ratios"],
                tables=[*_cells_block(of_pairs, questions), _both_ways_block(asked)],
            )
        )
    listed = summary_block(cells, worth, tables["summary.csv"])
    sections.append(Section("What the answers are worth", figures=["worth"], tables=[listed]))
    return Chapter(
        answer=[sentence for pair in pairs for sentence in answer(of_pairs[pair], questions)],
        caveats=[
            "Shares refer to each model's own total effect, on the prompts that all models of a comparison pass.",
            *(
                [
                    f"Repetitions ({', '.join(layout.repeats)}) ask partly the same word pairs; they are no independent samples of "
                    "tasks or of trained models."
                ]
                if any(len(cell.points) > 1 for cell in cells)
                else []
            ),
        ],
        sections=sections,
        figures=drawn,
        tables=tables,
        columns=["prompts", *QUESTIONS.values(), "edges, both ways"],
        cells=_columns(asked, pairs),
        columns_note="Ratios, first model over second; see the definitions.",
        definitions={**OWN, **{name: DEFINITIONS[name] for name in TOLD if name in DEFINITIONS}},
        files={
            "ratios.csv": "heads and edges of both models and their ratio: every point, and together",
            "summary.csv": "accuracy, loss and effects of both models by cell",
        },
        models=list(dict.fromkeys(name for models in asked for name in models.pair.names)),
    )


def _worth(pairs: Sequence[str]) -> list[Shown]:
    return [
        Shown(
            "difference of right answers",
            {pair: f"{pair}.ability.accuracy.difference" for pair in pairs},
            True,
            line=0.0,
        ),
        Shown(
            "difference of the answer's log-probability, nats",
            {pair: f"{pair}.ability.log_prob.difference" for pair in pairs},
            signed=True,
            line=0.0,
        ),
    ]


def _cells_block(of_pairs: dict[str, list[Cell[Asked]]], questions: Sequence[str]) -> list[TableBlock]:
    """Ratios by cell; none where every cell is one point, which the table of both ways has."""
    rows = [
        [pair, cell.words, str(len(cell.points)), *(_told(together([cell], question)) for question in questions)]
        for pair, cells in of_pairs.items()
        for cell in cells
    ]
    if all(len(cell.points) == 1 for cells in of_pairs.values() for cell in cells):
        return []
    return [
        TableBlock(
            title="Ratios by cell",
            columns=["models", "cell", "points", *(QUESTIONS[question] for question in questions)],
            rows=rows[:MOST_LINES],
            note="Geometric means of the points; a dash where a model never gets there in one of them."
            + cut_note(len(rows)),
        )
    ]


def _told(quotient: RatioFound | None) -> str:
    return NONE if quotient is None else ratio(quotient)


def _both_ways_block(asked: Sequence[Asked]) -> TableBlock:
    rows = [
        [
            models.point.name,
            " / ".join(models.pair.labels),
            *(_against(models, question) for question in QUESTIONS),
            _verdict(models),
        ]
        for models in asked[:MOST_LINES]
    ]
    return TableBlock(
        title="Both ways",
        columns=["point", "models", *QUESTIONS.values(), "both ways"],
        rows=rows,
        note="First model against second: their counts, then the ratio. Both ways: what the second needs, where sufficient and "
        "necessary edges say the same." + cut_note(len(asked)),
    )


def _against(models: Asked, question: str) -> str:
    counts = models.counts(question)
    quotient = models.ratio(question)
    if counts is None or quotient is None:
        return NONE
    return f"{needed(counts[0])} against {needed(counts[1])}: {ratio(quotient)}"


def _verdict(models: Asked) -> str:
    if models.pair.edges is None:
        return NONE
    return both_ways(models.pair.edges) or "no claim"


def _columns(asked: Sequence[Asked], pairs: Sequence[str]) -> dict[str, list[str]]:
    """By point; of several pairs the first, since the table of both ways has them all."""
    return {
        models.point.name: [
            f"{models.n_prompts:,}",
            *(_told(models.ratio(question)) for question in QUESTIONS),
            _verdict(models),
        ]
        for models in asked
        if models.name == pairs[0]
    }
