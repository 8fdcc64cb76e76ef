"""What a gate costs and what it leaves open: on held-out text, by length, and on a task's own prompts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from interp.models.config import HuggingFaceSource
from interp.models.gated_attention import BIAS, FIRST_BIAS, Gate, attach, attention_layers, set_head_bias
from interp.models.load import load_dense
from interp.models.sparse_checkpoint import head_biases_for, merged, read_checkpoint
from interp.prompts.pairs import PromptPair
from interp.sparsify.config import SparsifyConfig
from interp.sparsify.evaluate import Judged, evaluate, kl_divergence
from interp.sparsify.teacher import Teacher
from interp.sparsify.text import Sequences
from interp.sparsify.trainable import Trainable


@dataclass(frozen=True)
class Twin:
    """A gated model beside its dense teacher."""

    model: Any
    gate: Gate
    teacher: Teacher


def read_twin(source: HuggingFaceSource, checkpoint: Path, teacher: Teacher, device: str) -> Twin:
    """A checkpoint read back from its file."""
    base, about = load_dense(source), read_checkpoint(checkpoint)
    model, gate = merged(base.hf_model, checkpoint, base.weights_sha256).to(device), Gate(about.bias, about.gate)
    attach(model, gate)
    shape = model.config.num_hidden_layers, model.config.num_attention_heads
    set_head_bias(model, *head_biases_for(about, checkpoint, *shape))
    return Twin(model, gate, teacher)


def untrained_gates(settings: SparsifyConfig, made: Trainable, text: Sequences) -> pd.DataFrame:
    """Loss and density of the dense weights under the gate alone, for both kinds at several biases, by length of text.

    Every length has about as many tokens as the sequences of the text's own.
    """
    gate, rows = made.gate, []
    kept = gate.kind, gate.bias
    context, sequences = settings.text.context, settings.untrained.sequences
    texts = {context: text.held_out[:sequences]}
    for length in settings.text.lengths:
        texts.setdefault(length, text.of_length(length)[: max(1, sequences * context // length)])
    with made.untrained() as plain, WithoutHeadBias(plain):
        for kind, biases in (("score", settings.untrained.score), ("weight", settings.untrained.weight)):
            for bias in biases:
                gate.kind, gate.bias = kind, bias  # type: ignore[assignment]
                for length, tokens in texts.items():
                    if len(tokens):
                        judged = facts(evaluate(plain, gate, made.teacher, tokens))
                        rows.append({"gate": kind, "bias": bias, "length": length, **judged})
    gate.kind, gate.bias = kept
    return pd.DataFrame(rows)


def by_length(twin: Twin, text: Sequences, lengths: tuple[int, ...]) -> pd.DataFrame:
    """One row a length, of those that the held-out text has."""
    rows = []
    for length in lengths:
        tokens = text.of_length(length)
        if len(tokens):
            rows.append({"length": length, **facts(evaluate(twin.model, twin.gate, twin.teacher, tokens, batch=4))})
    return pd.DataFrame(rows)


@torch.no_grad()
def on_prompts(twin: Twin, tokenizer: Any, asked: Iterable[PromptPair]) -> pd.DataFrame:
    """One row a wording: density, keys, the answer's loss above dense, and how often each model ranks the answer first.

    Prompts whose answer is no single token are left out.
    """
    rows = []
    prompts = {(pair.template, pair.clean): pair.answer for pair in asked}
    for template in dict.fromkeys(template for template, _ in prompts):
        mine = [(clean, answer) for (wording, clean), answer in prompts.items() if wording == template]
        encoded = [(_ids(tokenizer, clean), _ids(tokenizer, answer)) for clean, answer in mine]
        lengths: dict[int, list[tuple[list[int], int]]] = {}
        for ids, answer in encoded:
            if len(answer) == 1:
                lengths.setdefault(len(ids), []).append((ids, answer[0]))
        parts = [
            _answered(twin, [ids for ids, _ in alike], [answer for _, answer in alike]) for alike in lengths.values()
        ]
        if parts:
            rows.append({"template": template, **_joined(parts), "tokens": _span(sorted(lengths))})
    return pd.DataFrame(rows)


def _answered(twin: Twin, ids: list[list[int]], answers: list[int]) -> dict[str, float]:
    """Sums over prompts of equal length."""
    tokens, answer = torch.tensor(ids).to(twin.model.device), torch.tensor(answers).to(twin.model.device)
    sums: dict[str, float] = dict.fromkeys(("dense_loss", "loss", "kl", "dense_right", "right"), 0.0)
    opened = causal = queries = 0.0
    for part, wanted in zip(torch.split(tokens, 16), torch.split(answer, 16), strict=True):
        dense = twin.teacher(part)[:, -1].float().log_softmax(-1)
        with twin.gate.running("infer") as counted:
            sparse = twin.model(part).logits[:, -1].float().log_softmax(-1)
            opened += float(torch.stack(list(counted.open_edges.values())).mean())
            causal, queries = causal + counted.causal_edges, queries + counted.queries
        for name, said in (("dense_", dense), ("", sparse)):
            sums[f"{name}loss"] -= float(said.gather(-1, wanted[:, None]).sum())
            sums[f"{name}right"] += float((said.argmax(-1) == wanted).sum())
        sums["kl"] += float(kl_divergence(dense[:, None], sparse[:, None]).sum())
    return {**sums, "prompts": len(ids), "open": opened, "causal": causal, "queries": queries}


def _joined(parts: list[dict[str, float]]) -> dict[str, float]:
    total = {name: sum(part[name] for part in parts) for name in parts[0]}
    count = total["prompts"]
    return {
        **{"prompts": int(count), "density": total["open"] / total["causal"]},
        "keys_a_query": total["open"] / total["queries"],
        **{"dense_loss": total["dense_loss"] / count, "above_dense": (total["loss"] - total["dense_loss"]) / count},
        "kl": total["kl"] / count,
        **{"dense_accuracy": total["dense_right"] / count, "accuracy": total["right"] / count},
    }


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _span(lengths: list[int]) -> str:
    return str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]}-{lengths[-1]}"


class WithoutHeadBias:
    """The gated model without the biases that its heads have learnt."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._kept: list[tuple[Any, str, Tensor | None]] = [
            (layer, name, getattr(layer, name, None))
            for layer in attention_layers(model)
            for name in (BIAS, FIRST_BIAS)
        ]

    def __enter__(self) -> None:
        set_head_bias(self._model, None)

    def __exit__(self, *_: object) -> None:
        for layer, name, parameter in self._kept:
            layer.register_parameter(name, parameter)


def facts(judged: Judged) -> dict[str, float]:
    """A row of a table: losses in nats a token with the interval of the difference, densities as shares."""
    excess = judged.excess
    half = float(1.96 * excess.std(correction=1) / len(excess) ** 0.5) if len(excess) > 1 else float("nan")
    return {
        **{"density": judged.density, "keys_a_query": judged.keys_a_query, "shut_rows": judged.shut_rows},
        **{"first_token": judged.first_token, "expected_density": judged.expected, "loss": judged.loss},
        **{"dense_loss": judged.dense_loss, "above_dense": judged.above_dense, "kl": judged.kl},
        **{"above_low": judged.above_dense - half, "above_high": judged.above_dense + half},
        "sequences": len(excess),
    }
