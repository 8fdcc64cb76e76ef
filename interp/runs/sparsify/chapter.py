"""The chapter on sparse trainings of a sweep's report: how few edges at what loss, by point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.configs.lazy import lazy
from interp.report.story import Section, TableBlock
from interp.results.run_folder import RunFolder
from interp.runs.chapter import MOST_TOLD, Cell, Chapter, Layout, Point, cells_of, row_label
from interp.runs.shown import Shown, forest_of, summary_block, summary_table, together
from interp.runs.sparsify.chapter_figure import Trained, density_against_loss
from interp.runs.sparsify.publish import DEFINITIONS
from interp.runs.sparsify.tables import TrainingTables, means_over_prompts
from interp.words.numbers import NONE, fixed
from interp.words.phrases import plural, tenth

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

OPEN = Shown("causal edges open", {"": "trained.density"}, percent=True, bounds=(0, 1), line=0.0)
KEYS = Shown("open keys a query", {"": "trained.keys_a_query"}, line=0.0)
LOSS = Shown("loss above dense, nats a token", {"": "trained.above_dense"}, signed=True, line=0.0)
TOLD = (OPEN, KEYS, LOSS)


@dataclass(frozen=True)
class Run:
    """A finished training: its point, its tables, and the length of the texts that it was judged on."""

    point: Point
    tables: TrainingTables

    @property
    def labels(self) -> dict[str, str]:
        """Axis -> level."""
        return self.point.labels

    @property
    def tokens(self) -> int:
        """The length of its texts."""
        return int(self.tables.config["text"]["context"])


def chapter(points: Sequence[Point], layout: Layout) -> Chapter:
    """What many trainings say together."""
    runs = [Run(point, TrainingTables.load(RunFolder.existing(point.folder))) for point in points]
    cells, lengths = cells_of(layout, points), sorted({run.tokens for run in runs})
    summary = summary_table(cells, TOLD)
    coloured = layout.coloured
    trained = [
        Trained(run.point.name, run.labels.get(coloured or "", ""), run.tables.stages, run.tokens) for run in runs
    ]
    prompts = _prompts_block(runs)
    best = _frontier(runs)
    return Chapter(
        answer=[_sentence(cell, runs) for cell in cells[:MOST_TOLD]],
        observations=[
            f"On texts of {length} tokens no other point has both fewer open edges and less loss than "
            f"{', '.join(row_label(run.labels) or run.point.name for run in unbeaten[:MOST_TOLD])}."
            for length, unbeaten in best.items()
            if len(unbeaten) < sum(run.tokens == length for run in runs)
        ],
        caveats=[
            "Intervals of single points are over held-out sequences; another seed is another training.",
            *(
                [
                    f"The points were judged on texts of {_listed(lengths)} tokens. Densities fall as texts grow, so that these "
                    "are not to be compared; open keys a query are."
                ]
                if len(lengths) > 1
                else []
            ),
        ],
        sections=[
            Section("Density against loss", figures=["density_loss"], tables=[summary_block(cells, TOLD, summary)]),
            Section("By point", figures=["forest"], tables=[] if prompts is None else [prompts]),
        ],
        figures={
            "density_loss": density_against_loss(trained, coloured),
            "forest": forest_of(cells, TOLD, "Density and loss"),
        },
        tables={
            "summary.csv": summary,
            "stages.csv": pd.concat(
                [run.tables.stages.assign(point=run.point.name, **run.labels) for run in runs], ignore_index=True
            ),
        },
        columns=["tokens", "open edges", "keys a query", "loss above dense"],
        cells={
            run.point.name: [str(run.tokens), *(shown.of(run.point.quantity(shown.names[""])) for shown in TOLD)]
            for run in runs
        },
        columns_note="Of the last stage's checkpoint, on held-out texts of so many tokens; losses in nats a token.",
        definitions={name: DEFINITIONS[name] for name in ("Gate", "Density", "Open keys a query", "Loss above dense")},
        files={
            "summary.csv": "density and loss by cell: mean, interval and spread over points",
            "stages.csv": "every stage of every point",
        },
        models=list(dict.fromkeys(str(run.tables.manifest["model"]["name"]) for run in runs)),
    )


def _sentence(cell: Cell[Point], runs: Sequence[Run]) -> str:
    """`long, seed 0: 2.9 % of the causal edges open (3.6 keys a query, texts of 128 tokens) at +0.109 nats above dense.`"""
    mine = {point.name for point in cell.points}
    length = _listed(sorted({run.tokens for run in runs if run.point.name in mine}))
    summaries = [together([point.quantity(shown.names[""]).value for point in cell.points]) for shown in TOLD]
    density, keys, loss = (
        shown.text(told["mean"])
        + (f" ({shown.text(told['least'])} to {shown.text(told['most'])})" if told["sd"] else "")
        for shown, told in zip(TOLD, summaries, strict=True)
    )
    if len(cell.points) == 1:
        density, keys, loss = (shown.of(cell.points[0].quantity(shown.names[""])) for shown in TOLD)
    over = "" if len(cell.points) == 1 else f", means over {plural(len(cell.points), 'point')}"
    return (
        f"{cell.words}: {density} of the causal edges are open ({keys} keys a query, texts of {length} tokens), at {loss} nats a "
        f"token above the dense model{over}."
    )


def _frontier(runs: Sequence[Run]) -> dict[int, list[Run]]:
    """Length of texts -> the points that no other of that length beats in both density and loss."""
    frontier: dict[int, list[Run]] = {}
    for run in runs:
        ends, others = _ends(run), [_ends(other) for other in runs if other.tokens == run.tokens and other is not run]
        if not any(a <= ends[0] and b <= ends[1] and (a, b) != ends for a, b in others):
            frontier.setdefault(run.tokens, []).append(run)
    return frontier


def _ends(run: Run) -> tuple[float, float]:
    last = run.tables.stages.iloc[-1]
    return float(last["density"]), float(last["above_dense"])


def _prompts_block(runs: Sequence[Run]) -> TableBlock | None:
    """What every point is worth on its task's own prompts; None where none was asked."""
    rows = []
    for run in runs:
        prompts = run.tables.prompts
        if "template" not in prompts or prompts.empty:
            continue
        mean = means_over_prompts(prompts)
        rows.append(
            [
                run.point.name,
                str(int(prompts["prompts"].sum())),
                tenth(mean["density"]),
                fixed(mean["keys_a_query"], 1),
                fixed(mean["above_dense"], 3, signed=True),
                tenth(mean["accuracy"]),
                tenth(mean["dense_accuracy"]),
            ]
        )
    if not rows:
        return None
    return TableBlock(
        title="On the task's own prompts",
        columns=["point", "prompts", "open edges", "keys a query", "loss above dense", "right", "right, dense"],
        rows=rows,
        note="Means over prompts, never trained on; the loss is the answer's, in nats.",
    )


def _listed(lengths: Sequence[int]) -> str:
    return " and ".join(map(str, lengths)) or NONE
