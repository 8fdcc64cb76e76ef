"""Tables and facts of the training report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from interp.models.config import USUAL_BIAS
from interp.report.story import Section, TableBlock
from interp.runs.sparsify.tables import TrainingTables
from interp.words.numbers import fixed, fixed_interval
from interp.words.phrases import tenth


def other_texts(tables: TrainingTables, figures: list[str]) -> list[Section]:
    """The last checkpoint by length of text and on a task's prompts; none where neither was measured."""
    blocks = []
    if "length" in tables.lengths:
        blocks.append(
            TableBlock(
                title="The last checkpoint, by length of the text",
                columns=[
                    "tokens",
                    "sequences",
                    "open edges",
                    "open keys a query",
                    "loss above dense",
                    "interval",
                    "rows without an open edge",
                    "open edges to the first token",
                ],
                rows=[
                    [
                        str(int(row["length"])),
                        str(int(row["sequences"])),
                        tenth(row["density"]),
                        fixed(row["keys_a_query"], 2),
                        signed(row["above_dense"]),
                        interval(row),
                        tenth(row["shut_rows"]),
                        tenth(row["first_token"]),
                    ]
                    for row in tables.lengths.to_dict("records")
                ],
            )
        )
    if "template" in tables.prompts:
        blocks.append(
            TableBlock(
                title="The last checkpoint on the task's own prompts",
                columns=[
                    "wording",
                    "prompts",
                    "tokens",
                    "open edges",
                    "open keys a query",
                    "answer's loss above dense",
                    "right",
                    "right, dense",
                ],
                rows=[
                    [
                        str(row["template"]),
                        str(int(row["prompts"])),
                        str(row["tokens"]),
                        tenth(row["density"]),
                        fixed(row["keys_a_query"], 2),
                        signed(row["above_dense"]),
                        tenth(row["accuracy"]),
                        tenth(row["dense_accuracy"]),
                    ]
                    for row in tables.prompts.to_dict("records")
                ],
                note="Every prompt whose answer is one token, also those that the dense model gets wrong.",
            )
        )
    return [Section("Other lengths, and a task's prompts", figures=figures, tables=blocks)] if blocks else []


def stages(tables: TrainingTables) -> TableBlock:
    """Every stage's checkpoint."""
    return TableBlock(
        title="Checkpoints, judged on held-out text in float32",
        columns=[
            "stage",
            "target",
            "steps so far",
            "open edges",
            "open keys a query",
            "loss above dense",
            "interval",
            "KL",
        ],
        rows=[_stage_row(row, tables.log) for row in tables.stages.to_dict("records")],
        note="Targets hold for the training loss, which the gate's noise makes larger than the loss of the exact gate.",
    )


def _stage_row(row: dict[Any, Any], log: pd.DataFrame) -> list[str]:
    began = row["stage"] == 0
    return [
        str(int(row["stage"])),
        "where it began" if began else f"{row['target']:g}",
        "0" if began else str(int(log.loc[log["stage"] == row["stage"], "step"].max())),
        tenth(row["density"]),
        fixed(row["keys_a_query"], 2),
        signed(row["above_dense"]),
        interval(row),
        fixed(row["kl"], 3),
    ]


def untrained(tables: TrainingTables) -> TableBlock:
    """Both gates on the dense weights."""
    return TableBlock(
        title="The dense weights under the gate alone",
        columns=["gate", "bias", "open edges", "open keys a query", "loss above dense", "KL"],
        rows=[
            [
                str(row["gate"]),
                f"{row['bias']:+g}",
                tenth(row["density"]),
                fixed(row["keys_a_query"], 2),
                signed(row["above_dense"]),
                fixed(row["kl"], 3),
            ]
            for row in tables.untrained.to_dict("records")
        ],
    )


def facts(tables: TrainingTables) -> list[tuple[str, str]]:
    """What was trained, how and on what."""
    training, text, model = tables.config["training"], tables.manifest["text"], tables.manifest["model"]
    adapter = training["adapter"]
    gate = tables.config["gate"]
    rank, where = adapter.get("rank"), "all" if adapter.get("layers") == "all" else "the attention"
    how = {
        "lora": f"LoRA of rank {rank} on {where} layers",
        "attention": f"all attention weights, kept at rank {rank} (SVD)",
        "full": "all weights",
    }[adapter["kind"]]
    loss = training["loss"]
    return [
        ("base model", f"{model['name']}, from {model['origin']}"),
        ("its weights", f"sha256 {model['weights_sha256']}"),
        (
            "gate",
            f"{gate['kind']}, bias {USUAL_BIAS[gate['kind']] if gate['bias'] is None else gate['bias']:g}"
            f"{', and one learnt for each head' if gate['learn_bias'] else ''}",
        ),
        ("trained", f"{how}; batches of {training['batch']} sequences, learning rate {training['learning_rate']:g}"),
        (
            "training loss",
            f"{loss['kl']:g} × KL to the dense model + {loss['cross_entropy']:g} × cross-entropy above dense",
        ),
        (
            "text",
            f"{text['origin']}; {text['train']} to train on, {text['held_out']} held out (sha256 {text['sha256'][:16]})",
        ),
    ]


def signed(value: float) -> str:
    """A difference of losses, with its sign."""
    return fixed(value, 3, signed=True)


def interval(row: Mapping[Any, Any]) -> str:
    """Its interval."""
    return fixed_interval(row["above_low"], row["above_high"], 3, signed=True)
