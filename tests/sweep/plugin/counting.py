"""A kind of run that takes no model: it waits until somebody says go, and writes down that it was here."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Literal

from interp.configs.loading import AnyConfig
from interp.errors import UserError
from interp.results.run_folder import RunFolder
from interp.runs.kinds import RunKind, run_kinds
from interp.runs.lifecycle import Kept, carry_out


class CountingConfig(AnyConfig):
    study: Literal["counting"] = "counting"
    model: str = "one"
    seconds: float = 0.0
    log: str
    fault: Literal["", "refuse", "bug", "die"] = ""


def run(config, console, fresh=False):
    settings = config.run

    def measure(folder: RunFolder, inputs: Any) -> dict[str, Any]:
        if settings.fault == "refuse":
            raise UserError("no prompt is left; ask for more")
        if settings.fault == "bug":
            raise ValueError("a bug")
        if settings.fault == "die":
            os.kill(os.getpid(), 9)
        end, go = time.monotonic() + settings.seconds, Path(f"{settings.log}.go")
        while time.monotonic() < end and not go.exists():
            time.sleep(0.05)
        folder.write_json("found.json", {"effect": {"mean": float(settings.seed), "low": 0.0, "high": 9.0}})
        measured.append(settings.name)
        return {"threads": 1}

    measured = []
    report = carry_out(config, console, KEPT, measure, fresh)
    # Only now is it finished: what is interrupted before is rightly done again.
    with Path(settings.log).open("a") as file:
        file.writelines(f"{name} {os.getpid()}\n" for name in measured)
    return report


def publish(folder, console):
    return folder.path / "report.html"


KEPT = Kept(("found.json",), publish)
run_kinds.register("counting", RunKind("Waits", "counting:CountingConfig", "counting:run", "counting:KEPT"))
