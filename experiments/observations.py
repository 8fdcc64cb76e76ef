"""Sentences about depth, positions and estimates: what stands beside the verdict, each computed from the tables of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interp.analysis.findings import (
    AttributionFindings,
    EdgePatchingFindings,
    GroupSpan,
    LayerModulationFindings,
    LayerSpanFindings,
    Screened,
)
from interp.analysis.findings_of_run import RunFindings
from interp.analysis.grid import connectivity, drift, strongest_edges
from interp.results.tables import RunTables
from interp.words.numbers import bracket, number, two
from interp.words.phrases import percent, plural, runs_text

THRESHOLD = 0.05  # of the clean-corrupted gap: what counts as work, as in the position grid


def modulation_sentences(found: LayerModulationFindings, run: RunFindings) -> list[str]:
    """Where along the layers the selected heads do it."""
    final, n_layers = found.final, run.model.n_layers
    half = next((point.layer for point in found.curve if _at_least(point.share, final.mean, 0.5)), None)
    steps = ", ".join(f"layer {step.layer} ({percent(step.rise)})" for step in found.steps[:3])
    return [
        f"Layer-{n_layers} modulation (the output): the {plural(len(found.heads), 'selected head')} together carry "
        f"{percent(final.mean)}{bracket(final.low, final.high, percent)} of the key→query effect; half of that is "
        f"reached with the heads below layer {half}, and the largest rises come from the blocks of {steps}."
    ]


def _at_least(share: float | None, whole: float | None, part: float) -> bool:
    return share is not None and whole is not None and share >= part * whole


def span_sentences(spans: Iterable[LayerSpanFindings]) -> list[str]:
    """When each token group is at work, and which is widest."""
    sentences = []
    for found in spans:
        groups = [group for group in found.groups if not group.output]
        parts = [f"{group.group} {span_text(group)}" for group in groups]
        sentences.append(
            f"At work (replacing {found.site} of one layer moves the metric, with the whole interval, by at least "
            f"{percent(found.threshold)} of the group's own clean-corrupted gap): " + "; ".join(parts) + "."
        )
        working = {group.group: [layer for layer in group.layers if layer > 0] for group in groups}
        widths = {name: layers[-1] - layers[0] + 1 for name, layers in working.items() if layers}
        if len(widths) > 1:
            name = max(widths, key=lambda one: widths[one])
            sentences.append(
                f"The widest span after layer 0, whose MLP is each token's own embedding in all but name, belongs to "
                f"{name}: {plural(widths[name], 'layer')}, gaps included."
            )
    return sentences


def span_text(group: GroupSpan) -> str:
    """`layers 0–8, with gaps: 0–2, 8`."""
    if group.first is None:
        return "in no layer"
    if group.first == group.last:
        return f"in layer {group.first}"
    gaps = f", with gaps (at work in {runs_text(group.layers)})" if group.gaps else ""
    return f"in layers {group.first}–{group.last}{gaps}"


def position_sentences(tables: RunTables) -> list[str]:
    """Drift of key positions with depth, and how sparse the edges are."""
    sentences = []
    for label, found in tables.findings_of("edge_patching", EdgePatchingFindings).items():
        rows = tables.summary_of(label)
        if rows["query_label"].nunique() < 3:
            continue
        if found.screen:
            sentences.append(screen_sentence(label, found.screen, tables.run))
            continue
        for side in ("key", "query"):
            moved = drift(rows, side)
            if moved is not None:
                sentences.append(
                    f"Effect-weighted mean {side} position by depth: {two(moved.early)} in the first third of the layers, "
                    f"{two(moved.late)} in the last (Spearman correlation with the layer {two(moved.rho)}). This describes the "
                    f"{moved.n_layers} layers of one prompt, which are no independent samples; the last layer, which can only "
                    "write at the query, is left out."
                )
        used = tables.prompts[tables.prompts["prompt"].isin(tables.values_of(label, "prompt")["prompt"])]
        pairs = strongest_edges(rows, THRESHOLD, float(used["gap"].mean()))
        if pairs:
            listed = "; ".join(
                f"{key} to {query} in {'layer' if len(layers) == 1 else 'layers'} {runs_text(layers)}"
                for key, query, layers in pairs
            )
            verdict = (
                "Layers do different jobs" if len(pairs) > 1 else "One pair of positions leads in every layer at work"
            )
            sentences.append(
                f"{verdict}: the strongest edge goes, key to query, from {listed} (layers whose strongest edge moves "
                f"the metric by at least {percent(THRESHOLD)} of the clean-corrupted gap)."
            )
        sparse = connectivity(rows)
        sentences.append(
            f"Causal effect is concentrated: {sparse.n_needed:,} of {sparse.n_edges:,} edges "
            f"({percent(sparse.fraction)}) hold {percent(sparse.share)} of the summed absolute effect of single edges "
            "on the focus prompt."
        )
    return sentences


def screen_sentence(label: str, found: Screened, run: RunFindings) -> str:
    """What a screened search found, how much of it was run, and how far the estimate can be trusted."""
    first = ", ".join(f"{one.label} ({one.key}→{one.query})" for one in found.top[:5])
    left = (
        "every one was cut"
        if not found.missed_at_most
        else f"a random sample bounds the share of the others above {number(found.bound)} {run.metric.unit}, the lower "
        f"end of the smallest of them, at {percent(found.missed_at_most)}, which is no promise about the list: edges "
        "whose effect the estimate hides can be missing from it"
    )
    return (
        f"The {found.n_top} largest of {found.n_effects:,} edges ({label}; first {first}) were found by cutting "
        f"{found.n_candidates + found.n_audited:,}: {found.n_candidates:,} in the order of a gradient estimate and "
        f"{found.n_audited:,} at random; {left}. Estimate and cut agree with Pearson r = "
        f"{two(found.agreement.pearson)} on those; {found.agreement.overlap} of the {found.n_top} are the same."
    )


def agreement_sentences(estimates: Mapping[str, AttributionFindings]) -> list[str]:
    """How far the gradient estimate can be trusted here."""
    return [
        f"The gradient estimate ({label}) of {found.of} agrees with the exact effects with Pearson r = "
        f"{two(found.pearson)}, Spearman rho = {two(found.spearman)} over {found.n_variants:,} variants; "
        f"{found.overlap} of the top {found.top_k} are the same."
        for label, found in estimates.items()
        if found.pearson is not None
    ]
