"""`interp explain`: a run in words before it runs, what it would take, and what a paper on it would cite."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from interp.configs.loading import LoadedConfig
from interp.runs.checked import Checked
from interp.runs.kinds import RunKind
from interp.sweep.calibrate import calibrated
from interp.sweep.drive import hours
from interp.sweep.plan import Cost, cost_of
from interp.words.visible import visible


def explain(kind: RunKind, loaded: LoadedConfig[Any], console: Console, bibtex: bool) -> Mapping[str, object]:
    """Print the methods and the costs; the same as plain data. UserError when the run could not work."""
    validated = kind.check(loaded, Console(file=io.StringIO()))
    methods = kind.explain(loaded)
    cost = cost_of(validated, None)
    if cost.passes is not None:
        cost = cost_of(validated, calibrated(loaded.run))
    for text in [*methods.paragraphs, _costs(validated, cost)]:
        console.print(Text(visible(text)), "", sep="\n", soft_wrap=False)
    if bibtex:
        console.print(Text(visible(methods.bibtex)), soft_wrap=True)
    elif methods.citations:
        console.print(f"{len(methods.citations)} works to cite: --bibtex prints them", highlight=False)
    return {"paragraphs": methods.paragraphs, "bibtex": methods.citations, "costs": vars(cost), "found": validated}


def _costs(validated: Checked, cost: Cost) -> str:
    runs = list(validated["models"].values()) if "models" in validated else [validated]
    if cost.passes is None:
        if all(run.get("on_this_machine", True) for run in runs):
            return "How long it takes is not known before it runs."
        return "The model is not on this machine yet, so prompts were not checked and costs are not known; a run fetches it."
    prompts = " and ".join(f"{run['prompts']:,}" for run in runs)
    time = "" if cost.seconds is None else f", {hours(cost.seconds[0])} to {hours(cost.seconds[1])} on this machine"
    memory = "" if cost.memory_gb is None else f", and about {cost.memory_gb:.2f} GB of memory"
    return (
        f"It takes at most {cost.passes:,} forward passes of one prompt{time}{memory}, on {prompts} prompts before the "
        "model's answers are checked (fewer may remain)."
    )
