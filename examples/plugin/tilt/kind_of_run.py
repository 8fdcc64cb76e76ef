"""Kind of run `seeds`: the same random number drawn with several seeds; the smallest run that has a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from interp.configs.loading import AnyConfig, LoadedConfig
from interp.runs.kinds import RunKind, run_kinds
from interp.runs.lifecycle import Kept, carry_out

if TYPE_CHECKING:
    from rich.console import Console

    from interp.results.run_folder import RunFolder


class SeedsConfig(AnyConfig):
    """The YAML of this kind of run."""

    study: Literal["seeds"] = "seeds"
    n_seeds: int = Field(default=5, ge=2, le=10_000)


def run(config: LoadedConfig[SeedsConfig], console: Console, fresh: bool = False) -> Path:
    """Measure what is not finished, then publish; resuming, hashes and the manifest are the life cycle's work."""

    def measure(folder: RunFolder, inputs: Any) -> dict[str, Any]:
        import pandas as pd

        from interp.analysis.seeding import generator

        seeds = range(config.run.n_seeds)
        drawn = [float(generator(config.run.seed, "seeds", str(seed)).normal()) for seed in seeds]
        folder.write_table("drawn.csv", pd.DataFrame({"number": list(seeds), "drawn": drawn}))
        return {"n_seeds": config.run.n_seeds}  # goes into manifest.json

    return carry_out(config, console, KEPT, measure, fresh)


def publish(folder: RunFolder, console: Console) -> Path:
    """The report, from the tables alone."""
    from interp.report.render import Page, write_page
    from interp.report.story import Story
    from interp.report.terminal import print_answer
    from interp.results import reading

    drawn = reading.read_csv(folder.path / "drawn.csv")["drawn"]
    config = reading.read_text(folder.path / "config.resolved.yaml")
    story = Story("Seeds", "What is the mean?", [f"The mean of {len(drawn)} draws is {drawn.mean():.3f}."])
    files = {"drawn.csv": "one row a seed"}
    write_page(folder.path, Page(story, [], {}, folder.manifest()["command"], [], config, files), [])
    print_answer(console, story, folder.path / "report.html")
    return folder.path / "report.html"


KEPT = Kept(("drawn.csv",), publish)

run_kinds.register(
    "seeds",
    RunKind(
        line="A random number with several seeds",
        schema_at=f"{__name__}:SeedsConfig",
        run_at=f"{__name__}:run",
        kept_at=f"{__name__}:KEPT",
    ),
)
