"""`python -m benchmarks.twin FOLDER ...`: sparse checkpoints on texts and prompts that no training saw.

A row a text or wording: open edges, open keys a query, nats above the dense model, and of prompts how many each model
answers. `--opened` holds every gate open, so that the trained weights alone are judged; `--bias` gives all heads another
bias than the checkpoint's, as `model.sparse.bias` does: the more, the more edges are open. `--half 0` takes every other pair
of words and `--half 1` the others, so that what was chosen by looking at the one is judged on the other; `--csv` writes the
table as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Int
from rich.console import Console
from torch import Tensor

from interp.models.config import PackagedModel
from interp.models.load import load_dense
from interp.prompts.config import PromptsConfig
from interp.prompts.pairs import PromptPair
from interp.sparsify.documentation import paragraphs
from interp.sparsify.evaluate import evaluate
from interp.sparsify.judge import Twin, facts, on_prompts, read_twin
from interp.sparsify.sampled import sampled
from interp.sparsify.teacher import Teacher
from interp.sparsify.text_config import SampledText

MODEL = PackagedModel(name="smollm2-135m-instruct")
SHIPPED = Path("checkpoints/smollm2-sparse")
TASKS = ("antonyms", "country_capital", "gender_bias", "induction")
# Packages whose docstrings no recipe names.
UNSEEN = ("rich", "pydantic", "huggingface_hub", "seaborn")
SEED = 77
OPEN = 1e6  # a bias that opens every edge that causality leaves
TOKENS = 128
SHOWN = ["text", "rows", "density", "keys_a_query", "above_dense", "half_width", "kl", "dense_accuracy", "accuracy"]


def asked(kind: str, half: int | None) -> list[PromptPair]:
    """The prompts of a task; with `half`, of every other pair of words."""
    prompts = PromptsConfig.model_validate({"task": {"kind": kind}}).task.candidates()
    words = list(dict.fromkeys(pair.pair for pair in prompts))
    kept = set(words if half is None else words[half::2])
    return [pair for pair in prompts if pair.pair in kept]


def texts(tokenizer: object, model: object, weights: str, rows: int) -> Iterator[tuple[str, Int[Tensor, "row pos"]]]:
    """Name and tokens; those of files in an order that is always the same."""
    drawn = SampledText(sequences=rows, together=rows, begin="<|endoftext|>")
    own = sampled(drawn, TOKENS, model, tokenizer, SEED, weights, Console(stderr=True))
    yield f"sampled, {TOKENS}", own
    yield "sampled, its first 12", own[:, :12]
    docstrings = _packed(tokenizer, paragraphs(UNSEEN))
    yield f"docstrings, {TOKENS}", _rows(docstrings, TOKENS, rows)
    named = sorted(
        {
            (found.metadata["Name"], str(found.metadata.json.get("description", "")))
            for found in metadata.distributions()
        }
    )
    readmes = _packed(tokenizer, (text for _, text in named if len(text) > 500))
    for length in (TOKENS, 32, 512):
        yield f"READMEs, {length}", _rows(readmes, length, rows * TOKENS // length)
    pages = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
    yield (
        f"this project's pages, {TOKENS}",
        _rows(_packed(tokenizer, (page.read_text() for page in pages)), TOKENS, rows),
    )


def _packed(tokenizer: object, documents: Iterator[str]) -> list[int]:
    return [token for text in documents for token in tokenizer(text, add_special_tokens=False)["input_ids"]]  # type: ignore[operator]


def _rows(ids: list[int], length: int, count: int) -> Int[Tensor, "row pos"]:
    """Rows spread evenly over a text."""
    whole = torch.tensor(ids[: len(ids) // length * length]).reshape(-1, length)
    return whole[torch.linspace(0, len(whole) - 1, min(count, len(whole))).long()]


def judged(twin: Twin, tokenizer: object, named: Sequence[tuple[str, Tensor]], half: int | None) -> pd.DataFrame:
    """One row a text and wording."""
    tables = []
    for name, tokens in named:
        told = facts(evaluate(twin.model, twin.gate, twin.teacher, tokens, batch=max(1, 2048 // tokens.shape[1])))
        width = (told["above_high"] - told["above_low"]) / 2
        tables.append(pd.DataFrame([{"text": name, "rows": len(tokens), **told, "half_width": width}]))
    for kind in TASKS:
        found = on_prompts(twin, tokenizer, asked(kind, half))
        share = found["prompts"] / found["prompts"].sum()
        means = found.select_dtypes("number").mul(share, axis=0).sum().to_frame().T
        means = means.assign(template="all", prompts=found["prompts"].sum())
        both = pd.concat([found, means], ignore_index=True)
        tables.append(both.assign(text=kind + ": " + both["template"], rows=both["prompts"]))
    return pd.concat(tables, ignore_index=True)


def main() -> None:
    """Judge the checkpoints that are named, or the one that ships."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.twin", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, default=[SHIPPED])
    parser.add_argument("--half", type=int, choices=(0, 1), default=None)
    gates = parser.add_mutually_exclusive_group()
    gates.add_argument("--opened", dest="bias", action="store_const", const=OPEN)
    gates.add_argument("--bias", type=float, default=None)
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--csv", type=Path, default=None)
    given = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dense = load_dense(MODEL)
    model, tokenizer = dense.hf_model.to(device), dense.tokenizer
    named = list(texts(tokenizer, model, dense.weights_sha256, given.rows))
    tables = []
    for folder in given.folders:
        twin = read_twin(MODEL, folder, Teacher(model), device)
        if given.bias is not None:
            twin.gate.bias = given.bias
        table = judged(twin, tokenizer, named, given.half)
        print(folder, table[SHOWN].round(3).to_string(index=False), sep="\n", flush=True)
        tables.append(table.assign(checkpoint=folder.as_posix())[["checkpoint", *SHOWN]])
    if given.csv:
        pd.concat(tables).round(4).to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
