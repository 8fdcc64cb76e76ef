"""Recipe `overview`: what every probe found, without a story of its own."""

from __future__ import annotations

from typing import Literal

from experiments.carried import carried_sentences
from experiments.circuits import KINDS as CIRCUITS
from experiments.circuits import circuit_caveats, told_of
from experiments.roads import path_sentences
from interp.analysis.findings_of_carried import CarriedFindings
from interp.analysis.findings_of_paths import PathFindings
from interp.figures.base import Figure
from interp.figures.of_a_probe import figures_of
from interp.report.recipe import Recipe, recipes
from interp.report.story import Section, Story, TableBlock
from interp.report.wordings import wordings_table
from interp.results.tables import RunTables
from interp.words.numbers import interval, number
from interp.words.phrases import plural


@recipes.register
class Overview(Recipe):
    """The largest effects of every probe, for runs without a recipe of their own."""

    kind: Literal["overview"] = "overview"

    def figures(self, tables: RunTables) -> list[Figure]:
        """Those that the shapes of the probes' tables allow."""
        return [figure for label in tables.labels for figure in figures_of(tables, label)]

    def story(self, tables: RunTables, figures: list[str]) -> Story:
        """A section a probe, with its figures and a table of its largest effects; other figures come last."""
        run = tables.run
        of = {label: [figure.stem for figure in figures_of(tables, label)] for label in tables.labels}
        first = [sentences[0] for label in tables.labels if (sentences := told(tables, label))]
        return Story(
            title=run.title or run.name,
            question=run.question,
            # One line says a run on a shelf of runs: what was found, where there are words for it.
            answer=first
            or [
                f"{plural(len(tables.kinds), 'probe')} measured {plural(run.n_prompts, 'prompt')} "
                f"({plural(run.n_pairs, 'word pair')}); the largest effects stand below."
            ],
            observations=[],
            caveats=circuit_caveats(tables),
            sections=[
                Section(
                    title=label,
                    text=told(tables, label),
                    figures=[stem for stem in figures if stem in of[label]],
                    tables=effects_tables(tables, label),
                )
                for label in tables.labels
            ]
            + [Section("The prompts", tables=[wordings_table(run)])],
        )


def told(tables: RunTables, label: str) -> list[str]:
    """The sentences about one probe, of the kinds that have some."""
    kind = tables.kinds.get(label)
    if kind == "paths":
        return path_sentences([tables.findings(label, PathFindings)])
    if kind == "residual_edge":
        return carried_sentences([tables.findings(label, CarriedFindings)], tables.run)
    return told_of(tables, label) if kind in CIRCUITS else []


def effects_tables(tables: RunTables, label: str) -> list[TableBlock]:
    """The table of a probe's largest effects; none where sentences say more, or where no effect is of one part alone."""
    block = top_effects(tables, label)
    return [] if tables.kinds.get(label) == "paths" or not block.rows else [block]


def top_effects(tables: RunTables, label: str, count: int = 10) -> TableBlock:
    """The rows of a probe's summary with the largest mean effect."""
    rows = tables.summary_of(label)
    # The whole residual stream at the key and at the query carries everything; that is no finding.
    rows = rows[rows["site"] != "resid_pre"]
    if tables.kinds.get(label) in CIRCUITS:
        rows = rows[rows["part"] == "single"]  # sets, kept or replaced, are points of the curves
    rows = rows.loc[rows["mean"].abs().sort_values(ascending=False).index].head(count)
    places = ["part", "layer", "head", "query_label", "key_label", "group", "n_kept"]
    used = [name for name in places if rows[name].notna().any() and (rows[name].astype(str) != "").any()]
    unit = tables.run.metric.unit
    return TableBlock(
        title=f"Largest effects of {label}",
        columns=[*(NAMES.get(name, name) for name in used), f"mean effect ({unit})", "interval", "n"],
        rows=[
            [
                *("" if _missing(row[name]) else str(row[name]) for name in used),
                number(row["mean"], row["ci_low"], row["ci_high"]),
                interval(row["ci_low"], row["ci_high"]),
                str(row["n"]),
            ]
            for _, row in rows.iterrows()
        ],
        note="",
    )


NAMES = {"query_label": "query", "key_label": "key", "n_kept": "kept"}


def _missing(value: object) -> bool:
    return value is None or str(value) in ("", "<NA>", "nan")
