"""Peak memory of one contestant, in a process of its own: what a sweep takes beyond the loaded model.

The kernel's high-water mark is reset once the model is loaded (loading itself takes more than any sweep), so the number
is the largest resident size while the sweep ran, minus the resident size before. Linux only; elsewhere there is none.
"""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.cases import Case
from benchmarks.contestant import Ours
from benchmarks.rivals import rival

MIB = 1024
RIVAL_CALLS = 3  # its peak is that of one call; a few show it


def measure(case: Case, who: str, threads: int) -> float | None:
    """Peak memory in MiB above the loaded model; None where the kernel does not tell."""
    command = [sys.executable, "-m", "benchmarks.memory", json.dumps({**asdict(case), "who": who, "threads": threads})]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"measuring the memory of {who} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def _here(case: Case, who: str) -> float | None:
    model = case.load()
    contestant = (Ours if who == Ours.name else rival(who))(model, case.workload(), case.prompts())
    loaded = model.hooked if who in (Ours.name, "transformer_lens") else model.hf_for(contestant.name)
    for parameter in loaded.parameters():
        parameter.sum()  # weights may be mapped and read only when used
    numbers = range(len(case.workload()))
    if who != Ours.name:
        numbers = numbers[: RIVAL_CALLS * contestant.cells_at_once]
    before = _resident_now()
    if before is None:
        return None
    contestant.start()
    for begin in range(0, len(numbers), contestant.cells_at_once):
        contestant.run(numbers[begin : begin + contestant.cells_at_once])
    peak = _status("VmHWM")
    return None if peak is None else (peak - before) / MIB


def _status(field: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)


def _resident_now() -> int | None:
    """Resident size in KiB, from where the high-water mark starts anew."""
    gc.collect()
    try:
        # Memory that loading freed but malloc kept would hide what the sweep takes.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return None
    return _status("VmRSS")


def _main(arguments: dict[str, Any]) -> None:
    who, threads = arguments.pop("who"), arguments.pop("threads")
    torch.set_num_threads(threads)
    print(json.dumps(_here(Case(**arguments), who)))


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
