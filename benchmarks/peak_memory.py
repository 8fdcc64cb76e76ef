"""`interp validate`'s estimate of memory beside what a run takes: peak resident size, in a process of its own.

    python -m benchmarks.peak_memory                       the wide grid (about half an hour)
    python -m benchmarks.peak_memory --tokens 8 200 --prompts 1 70 --probes observing measuring

Models are tiny, with random weights; prompts are words of one token. Linux only: the peak is the kernel's own (VmHWM).
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIB = 2**30
N_WORDS = 64
PROBES: dict[str, list[dict[str, Any]]] = {
    "observing": [{"kind": "attention_pattern", "prompts": "all"}, {"kind": "logit_lens"}],
    "focus": [{"kind": "attention_pattern"}, {"kind": "logit_lens"}],
    "measuring": [
        {"kind": "key_query_heads", "source": "corrupted", "rerankings": 1, "random_sets": 2, "nonsense": False},
        {"kind": "head_ablation", "source": "mean"},
        {"kind": "activation_patching", "sites": ["resid_pre", "z"], "positions": ["key", "query"]},
    ],
    "estimating": [
        {"kind": "edge_patching", "name": "edges", "pairs": [{}], "prompts": "all"},
        {"kind": "attribution_patching", "of": "edges"},
    ],
}
MODELS: dict[str, dict[str, Any]] = {
    "tiny": {"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 32},
    "wide": {"num_hidden_layers": 6, "num_attention_heads": 8, "num_key_value_heads": 4, "hidden_size": 512},
}


@dataclass(frozen=True)
class Point:
    """One run whose memory is measured."""

    tokens: int
    prompts: int
    probes: str = "observing"
    model: str = "tiny"
    memory_gb: float | None = None
    draws: bool = True
    """Whether the report is drawn, too: it is where a run's peak lies when its tables are large."""


@dataclass(frozen=True)
class Measured:
    """What `validate` says and what the run takes, in GiB."""

    point: Point
    estimate: float
    peak: float

    @property
    def ratio(self) -> float:
        """Estimate over peak: 1 where it is right."""
        return self.estimate / self.peak


def measure(point: Point, folder: Path) -> Measured:
    """Estimate and peak of one point; its model and run go below `folder`."""
    config = write_config(point, folder)
    estimate = _child("estimate", config)
    peak = _child("run" if point.draws else "tables", config)
    return Measured(point, estimate, peak)


def write_config(point: Point, folder: Path) -> Path:
    """The point's run as a YAML (JSON is YAML), with its model beside it."""
    model = folder / f"{point.model}-{max(point.tokens, 8)}"
    if not model.is_dir():
        write_model(model, point)
    name = f"{point.model}-{point.probes}-{point.tokens}-{point.prompts}"
    content = {
        "name": name,
        "title": name,
        "model": {"source": "directory", "path": str(model)},
        "prompts": {
            "keep": "all",
            "min_gap": 0,
            "task": {"kind": "listed", "pairs": list(pairs(point.tokens, point.prompts))},
            "roles": {"key": {"position": 2}, "query": {"position": "end"}},
        },
        "probes": PROBES[point.probes],
        "compute": {} if point.memory_gb is None else {"memory_gb": point.memory_gb},
        "output": {"root": str(folder / "runs")},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(content))
    return path


def pairs(tokens: int, prompts: int) -> Iterator[dict[str, str]]:
    """Prompt pairs of so many words; clean and corrupted differ in the second."""
    for number in range(prompts):
        words = [f"w{(number * 7 + place * place + place) % N_WORDS}" for place in range(tokens)]
        words[2 if tokens > 3 else -1] = f"w{number % N_WORDS}"
        words[-1 if tokens > 4 else 0] = f"w{number // N_WORDS}"
        clean, corrupted = ([*words[:1], word, *words[2:]] for word in (f"w{number % 60}", f"w{60 + number % 4}"))
        yield {
            "clean": " ".join(clean),
            "corrupted": " ".join(corrupted),
            "answer": f" w{number % 30}",
            "foil": f" w{30 + number % 30}",
        }


def write_model(folder: Path, point: Point) -> None:
    """A Llama with random weights whose tokenizer knows `N_WORDS` words."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    texts = [mark + f"w{number}" for number in range(N_WORDS) for mark in ("", " ")]
    tokenizer = Tokenizer(
        models.WordLevel({text: number for number, text in enumerate(["<s>", "<unk>", *texts])}, "<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?[^ ]+"), behavior="isolated")
    torch.manual_seed(0)
    shape = MODELS[point.model]
    sizes = {"vocab_size": 2 + len(texts), "max_position_embeddings": max(point.tokens, 8) + 8} | shape
    model = LlamaForCausalLM(LlamaConfig(intermediate_size=3 * shape["hidden_size"], tie_word_embeddings=True, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn_like(parameter) * 2 / parameter.shape[1] ** 0.5)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>").save_pretrained(folder)


def _child(what: str, config: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.peak_memory", "--child", what, str(config)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{what} of {config} failed:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return float(done.stdout.splitlines()[-1])


def _here(what: str, config: Path) -> float:
    """In the child: the estimate, or the peak of the whole process, in GiB."""
    import io

    from rich.console import Console

    from interp.runs.circuit.config import load

    quiet, loaded = Console(file=io.StringIO(), width=300), load(config)
    if what == "estimate":
        from interp.runs.circuit.dry_run import describe

        said = io.StringIO()
        describe(loaded, Console(file=said, width=1000))
        found = re.search(r"about ([0-9.]+) GB of memory", said.getvalue())
        assert found is not None, said.getvalue()
        return float(found[1])
    from interp.runs.circuit.run import run
    from interp.runs.lifecycle import tables_only

    with nullcontext() if what == "run" else tables_only():
        run(loaded, quiet)
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / GIB


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure a grid and print it as it comes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[8, 24, 52, 100, 200])
    parser.add_argument("--prompts", type=int, nargs="+", default=[1, 24, 70, 500])
    parser.add_argument("--probes", nargs="+", choices=PROBES, default=list(PROBES))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--memory-gb", type=float)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        print(_here(given.child[0], Path(given.child[1])))
        return
    print("model  probes      tokens prompts  estimate   peak  ratio  (GiB)")
    for model, probes, tokens, prompts in itertools.product(given.models, given.probes, given.tokens, given.prompts):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Point(tokens, prompts, probes, model, given.memory_gb), Path(folder))
        print(
            f"{model:6} {probes:11} {tokens:6} {prompts:7} {found.estimate:9.2f} {found.peak:6.2f} {found.ratio:6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
