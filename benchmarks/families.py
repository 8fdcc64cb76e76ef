"""`--set families`: every family's time per counted operation, beside Llama's, in the engine's own blocks.

Small random models of one shape (layers, heads, widths), one for each family, with what is peculiar to it: its norms, biases,
windows, caps, parallel blocks. The work is the sweep over all heads. A family's matrices may be more or fewer, so its time is
divided by the operations of floor.py; what is left over is what its peculiarities cost. First the fast blocks must give what
the model's own hooks give. Then a family and Llama take turns, and the ratio is the median over rounds. One thread, and the
CPU's own time, so that whoever else uses the machine changes little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch

from benchmarks.floor import Shape, floor_flops
from benchmarks.models import WEIGHT_STD, randomised
from benchmarks.prompts import random_prompts
from benchmarks.workloads import Workload
from interp.interventions import Engine
from interp.metrics import LogitDiff
from interp.models import Processing
from interp.models.convert import hooked_transformer
from interp.prompts.pairs import PromptSet
from interp.results import atomic

LLAMA, ALLOWED = "llama", 1.3
VOCAB, LENGTH, PROMPTS, ROUNDS = 512, 16, 4, 7
LAYERS = {"num_hidden_layers": 3, "hidden_size": 512, "num_attention_heads": 8, "max_position_embeddings": 64}
MLP = LAYERS | {"intermediate_size": 1536}
GROUPED = MLP | {"num_key_value_heads": 4}
HEAD = GROUPED | {"head_dim": 64}
GPT = {"n_layer": 3, "n_embd": 512, "n_head": 8, "n_inner": 1536, "n_positions": 64}
WINDOW = {"sliding_window": 6}
TYPES = {"layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    LLAMA: ("llama", HEAD),
    "gpt2": ("gpt2", GPT),
    "mistral": ("mistral", HEAD | WINDOW),
    "smollm3": ("smollm3", GROUPED | {"no_rope_layers": [1, 0, 1], "pad_token_id": 0}),
    "qwen2": ("qwen2", GROUPED),
    "qwen3": ("qwen3", HEAD),
    "gpt_neox": ("gpt_neox", MLP),
    "gemma": ("gemma", HEAD),
    "gemma2": ("gemma2", HEAD | WINDOW),
    "gemma3": ("gemma3_text", HEAD | WINDOW | TYPES),
    "olmo2": ("olmo2", GROUPED),
    "olmo3": ("olmo3", GROUPED | WINDOW | TYPES),
    "phi": ("phi", MLP),
    "phi3": ("phi3", GROUPED | WINDOW | {"pad_token_id": 0}),
    "gptj": ("gptj", GPT | {"rotary_dim": 32}),
    "opt": ("opt", {**LAYERS, "ffn_dim": 1536, "word_embed_proj_dim": 512}),
    "falcon": ("falcon", {**LAYERS, "ffn_hidden_size": 1536}),
}


@dataclass(frozen=True)
class Task:
    """A family's model, its sweep, and the operations that the sweep needs."""

    name: str
    hooked: Any
    workload: Workload
    prompts: PromptSet
    flops: int

    @classmethod
    def of(cls, name: str) -> Task:
        """With seeded random weights."""
        from transformers import CONFIG_MAPPING, AutoModelForCausalLM

        kind, settings = CONFIGS[name]
        config = CONFIG_MAPPING[kind](vocab_size=VOCAB, **settings)
        theirs = randomised(AutoModelForCausalLM.from_config(config, attn_implementation="eager"), WEIGHT_STD)
        theirs.config.architectures = [type(theirs).__name__]
        hooked = hooked_transformer(theirs, Processing(), torch.float32, "cpu", name)[0]
        workload, prompts = (
            Workload.of("heads", hooked.cfg, LENGTH),
            random_prompts(PROMPTS, LENGTH, VOCAB, shared=False),
        )
        return cls(name, hooked, workload, prompts, floor_flops(workload, prompts, Shape.of(hooked.cfg)))

    def effects(self, by_hooks: bool = False) -> torch.Tensor:
        """The metric of every cell [cell, prompt]; base runs are part of it."""
        engine = Engine(self.hooked, by_hooks=by_hooks)
        return engine.measure(self.workload.variants(), self.prompts, LogitDiff())

    def seconds(self) -> float:
        """CPU seconds of the sweep."""
        begin = time.process_time()
        self.effects()
        return time.process_time() - begin

    def check(self) -> float:
        """The largest difference of the fast blocks to the model's own, over the metric's scale."""
        theirs = self.effects(by_hooks=True)
        difference = float((self.effects() - theirs).abs().max() / theirs.abs().mean())
        if not difference < 1e-3:
            raise RuntimeError(f"{self.name}: the fast blocks differ from the model's own by {difference:.1e}")
        return difference


def run(
    folder: Path, progress: Callable[[], None], names: Iterable[str] = CONFIGS, rounds: int = ROUNDS
) -> pd.DataFrame:
    """Every family's ratio; families.csv is written at the end, for a ratio of fewer rounds is none."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tasks = [Task.of(name) for name in names]
        differences = {task.name: task.check() for task in tasks}  # which also warms up
        llama = Task.of(LLAMA)
        llama.check()
        taken: dict[str, list[tuple[float, float]]] = {task.name: [] for task in tasks}
        for turn in range(rounds):
            for task in tasks:
                # Who comes second finds other caches; they change places.
                first, second = (llama, task) if turn % 2 else (task, llama)
                times = {id(one): one.seconds() for one in (first, second)}
                taken[task.name].append((times[id(task)], times[id(llama)]))
                progress()
    finally:
        torch.set_num_threads(threads)
    found = pd.DataFrame([_row(task, llama, taken[task.name], differences[task.name]) for task in tasks])
    folder.mkdir(parents=True, exist_ok=True)
    atomic.write_table(folder / "families.csv", found)
    return found


def _row(task: Task, llama: Task, taken: list[tuple[float, float]], difference: float) -> dict[str, Any]:
    ratios = [(own / task.flops) / (its / llama.flops) for own, its in taken]
    return {
        "family": task.name,
        "gflop": task.flops / 1e9,
        "rounds": len(taken),
        "cpu_s_median": median(own for own, _ in taken),
        "of_llama": median(ratios),
        "of_llama_min": min(ratios),
        "of_llama_max": max(ratios),
        "difference": difference,
    }
