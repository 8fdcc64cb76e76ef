"""The table of a run's wordings: how the model does on the candidates of each, and what its gates do there."""

from __future__ import annotations

from interp.analysis.findings_of_run import RunFindings
from interp.report.story import TableBlock
from interp.words.numbers import NONE, fixed, interval, number
from interp.words.phrases import percent, tenth


def wordings_table(run: RunFindings) -> TableBlock:
    """One row a wording; the columns of the gates only where the model has any."""
    gated = any(row.gates for row in run.wordings)
    rows = []
    for row in run.wordings:
        right, log_prob, gates = row.accuracy, row.log_prob, row.gates
        ends = [None if end is None else 100 * end for end in (right.low, right.high)]
        opened = (
            [NONE, NONE]
            if not gates
            else [tenth(gates["open"] / gates["edges"]), fixed(gates["open"] / gates["queries"], 2)]
        )
        rows.append(
            [
                row.template,
                f"{row.n_asked:,}",
                percent(right.mean),
                NONE if None in ends else f"[{fixed(ends[0], 0)}, {fixed(ends[1], 0)}]",
                number(log_prob.mean, log_prob.low, log_prob.high),
                interval(log_prob.low, log_prob.high),
                f"{row.n_prompts:,}",
                *(opened if gated else []),
            ]
        )
    return TableBlock(
        title="What the model knows, by wording",
        columns=[
            "wording",
            "candidates",
            "right",
            "interval",
            "answer's log-probability",
            "interval",
            "used",
            *(["open edges", "keys a query"] if gated else []),
        ],
        rows=rows,
        note="Candidates: every prompt that could be asked, before any filter. Right: the answer is ranked first; "
        "of a task whose two answers are a choice (ioi, say), above the other. "
        "Log-probability in nats." + (" Open edges: on the prompts that are used." if gated else ""),
        verbatim=frozenset({"wording"}),
    )
