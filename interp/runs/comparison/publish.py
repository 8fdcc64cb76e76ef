"""The report of a comparison: from the tables of both runs alone, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from interp.analysis.bootstrap import interval_method
from interp.analysis.findings_of_comparison import VERSION, ComparisonFindings, PairFindings
from interp.configs.loading import validate_as
from interp.figures.base import Drawn, drawn_texts, save
from interp.figures.circuit_panel import CircuitPanel
from interp.figures.fonts import warning
from interp.report.commands import report_command
from interp.report.definitions import DEFINITIONS
from interp.report.facts import BOS, model_facts, precision_caveat, reproduction
from interp.report.render import Page, write_page
from interp.report.story import Section, Story, TableBlock
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.parts import FRESH
from interp.results.run_folder import RESOLVED, RunFolder
from interp.results.tables import RunTables
from interp.runs.circuit.assemble import reading_of
from interp.runs.circuit.methods import after
from interp.runs.circuit.publish import KEPT as KEPT_BY_ARMS
from interp.runs.comparison.ability import ability_table
from interp.runs.comparison.circuits import circuit_curves, held_against
from interp.runs.comparison.compare import compare
from interp.runs.comparison.config import ComparisonConfig
from interp.runs.comparison.curves import modulation_curves, share_curves
from interp.runs.comparison.figures import side_by_side
from interp.runs.comparison.mass import mass_curves
from interp.runs.comparison.sentences import answer, caveats, observations, opened_caveat
from interp.runs.comparison.tables import counts_table, means_table, spans_table
from interp.runs.lifecycle import Kept, whole
from interp.words.phrases import percent, plural

COMPARISON = "comparison.json"

FILES = {
    "config.yaml, config.resolved.yaml": "the config as given; with every default filled in",
    "manifest.json": "versions, seed, times, status",
    "comparison.json": "paired numbers of the models",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


def publish(folder: RunFolder, console: Console) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; returns the path of report.html."""
    comparison = comparison_of(folder.path)
    arms = {label: RunTables.load(folder.path / label) for label in comparison.labels}
    made = _figures(arms, comparison.pairs[0])
    files = [save(figure, folder.path / "figures", stem) for stem, figure in made.items()]
    if said := warning(text for tables in arms.values() for text in drawn_texts(tables)):
        console.print(said, style="yellow", markup=False, highlight=False)
    run, pairs = next(iter(arms.values())).run, comparison.pairs
    drawn = {file.stem for file in files}
    story = Story(
        title=run.title.rsplit(": ", 1)[0],
        question=run.question,
        answer=[sentence for pair in pairs for sentence in answer(pair, run)],
        observations=[
            *_once(sentence for pair in pairs for sentence in observations(pair, run)),
            *held_against(arms),
        ],
        caveats=[
            *_once(note for pair in pairs for note in caveats(pair, run)),
            *opened_caveat(arms),
            *(note for tables in arms.values() for note in precision_caveat(tables.run)),
        ],
        sections=[
            Section("Side by side", figures=_drawn(["side_by_side"], drawn)),
            Section(
                "How many heads, how many edges",
                figures=_drawn(["share_curves", "node_curves", "edge_curves", "edge_mass"], drawn),
                tables=_told(pairs, lambda pair: counts_table(pair, run)),
            ),
            Section(
                "What the answers are worth",
                tables=_told(pairs, lambda pair: [ability_table(pair), means_table(pair, run)]),
            ),
            Section("Where in depth", figures=_drawn(["modulation_curves"], drawn), tables=_told(pairs, spans_table)),
            Section(
                "Each model's circuit",
                text=[
                    f"Each model has a full report of its own: {', '.join(f'{label}/report.html' for label in arms)}."
                ],
                figures=_drawn([f"circuit_panel-{label}" for label in arms], drawn),
            ),
        ],
    )
    manifest = folder.manifest()
    commands = f"{manifest.command}\n\n# draw this page again, without the models\n{report_command(manifest.folder)}"
    same_bos = len({tables.run.model.prepend_bos for tables in arms.values()}) == 1
    facts = [
        (f"{label}: {name}" if name != "model" else label, text)
        for label, tables in arms.items()
        for name, text in model_facts(tables.run.model)
        if name != BOS or not same_bos
    ]
    facts += [
        (
            "prompts",
            f"{plural(run.n_prompts, 'prompt pair')} of {plural(run.n_pairs, 'word pair')}, the same for all models",
        ),
        (
            "intervals",
            f"{percent(run.confidence)} {interval_method(run.n_pairs)} bootstrap over word pairs, "
            f"{run.n_resamples:,} resamples, paired",
        ),
    ]
    files_of = {**{f"{label}/": f"the whole run of the {label} model, with its report" for label in arms}, **FILES}
    resolved = reading.read_text(folder.path / RESOLVED)
    write_page(
        folder.path,
        Page(
            story,
            facts,
            DEFINITIONS,
            commands,
            reproduction(manifest),
            resolved,
            files_of,
            after(_settings(folder), arms, manifest),
        ),
        files,
    )
    report = folder.path / "report.html"
    print_answer(console, story, report)
    return report


def comparison_of(folder: Path) -> ComparisonFindings:
    """comparison.json of a finished run; Damaged where another version wrote it, or it was changed since."""
    place = folder / COMPARISON
    try:
        return ComparisonFindings.model_validate(reading.read_json(place))
    except ValidationError:
        raise reading.Damaged(f"{place} was written by another version of interp; {FRESH}") from None


def restore(folder: RunFolder) -> None:
    """The models' tables and what they say together, made again where something is missing; Damaged when it cannot be."""
    for label in _settings(folder).models:
        with RunFolder.existing(folder.path / label) as arm:
            if not whole(arm, KEPT_BY_ARMS):
                raise reading.Damaged(f"{arm.path} is not a finished run, or some of it is missing or damaged")
    if folder.damaged():
        write_comparison(folder)


def write_comparison(folder: RunFolder) -> None:
    """Write comparison.json, from the tables of the models: the last against each of the others."""
    settings = _settings(folder)
    arms = {label: RunTables.load(folder.path / label) for label in settings.models}
    *references, subject = arms
    how = reading_of(settings.arm(subject))
    pairs = [compare({label: arms[label], subject: arms[subject]}, how) for label in references]
    folder.write_json(COMPARISON, ComparisonFindings(schema_version=VERSION, labels=list(arms), pairs=pairs).plain())


def _told(pairs: list[PairFindings], tables: Callable[[PairFindings], list[TableBlock]]) -> list[TableBlock]:
    """The tables of every pair of models; where there are several pairs, each title names its own."""
    if len(pairs) == 1:
        return tables(pairs[0])
    return [
        replace(block, title=f"{block.title}: {pair.labels[1]} against {pair.labels[0]}")
        for pair in pairs
        for block in tables(pair)
    ]


def _once(sentences: Iterable[str]) -> list[str]:
    """Without those that two pairs have in common."""
    return list(dict.fromkeys(sentences))


def concluded(folder: RunFolder) -> Mapping[str, object]:
    """What comparison.json says of every two models, under their labels: `dense-sparse`."""
    pairs = comparison_of(folder.path).pairs
    return {"-".join(pair.labels): pair.plain() for pair in pairs}


KEPT = Kept((COMPARISON,), publish, restore, concluded=concluded)


def _settings(folder: RunFolder) -> ComparisonConfig:
    place = folder.path / RESOLVED
    return validate_as(ComparisonConfig, reading.read_yaml(place), str(place))


def _figures(arms: dict[str, RunTables], first: PairFindings) -> dict[str, Drawn]:
    """Every figure that all runs can feed."""
    have = set.intersection(*(set(tables.kinds.values()) for tables in arms.values()))
    made: dict[str, Drawn] = {}
    if {"key_query_heads", "attention_pattern"} <= have:
        made["side_by_side"] = side_by_side(arms)
    if "key_query_heads" in have:
        made["share_curves"] = share_curves(arms)
    if "attention_edges" in have:
        made["edge_curves"] = circuit_curves(arms, "attention_edges", first.edges)
    if "circuit_nodes" in have:
        made["node_curves"] = circuit_curves(arms, "circuit_nodes", first.nodes)
    if "edge_patching" in have:
        made["edge_mass"] = mass_curves(arms, "edge_patching")
    if "layer_modulation" in have:
        made["modulation_curves"] = modulation_curves(arms)
    if {"key_query_heads", "attention_pattern", "layer_span"} <= have:
        for label, tables in arms.items():
            made[f"circuit_panel-{label}"] = CircuitPanel(kind="circuit_panel").render(tables)
    return made


def _drawn(wanted: list[str], drawn: set[str]) -> list[str]:
    return [stem for stem in wanted if stem in drawn]
