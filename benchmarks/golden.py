"""`make golden`: what a model gives beside what others have published of GPT-2 small (docs/published.md).

    python -m benchmarks.golden                          gpt2, from the model hub or its cache
    python -m benchmarks.golden --model path/to/gpt2     a directory

The table is read from the page, so that every number stands once, with its source.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

import interp
from interp.models.hub import NotAtHand
from interp.words.numbers import fixed

PAGE = Path(__file__).parents[1] / "docs" / "published.md"
ROW = re.compile(r"\| (?P<what>[^|]+) \| (?P<place>[^|]+) \| (?P<value>-?[\d.]+) \| (?P<source>[^|]+) \|")
FEWEST = 3


@dataclass(frozen=True)
class Published:
    """A number that somebody has published: of what, where in the model, and who."""

    what: str
    place: str
    value: float
    source: str


def published(page: Path = PAGE) -> list[Published]:
    """The rows of the page's table."""
    found = [ROW.fullmatch(line) for line in page.read_text(encoding="utf-8").splitlines()]
    return [
        Published(row["what"], row["place"], float(row["value"]), row["source"]) for row in found if row is not None
    ]


def asked(model: Any, n: int, **task: Any) -> Any:
    """A study of a task's prompts, all of them: what was published is no mean over prompts that a model answers rightly."""
    return interp.study(model, task={"max_pairs": n, **task}, keep="all", min_gap=0)


def ioi_clean(model: Any, n: int) -> dict[str, float]:
    """Logit difference of the two names, and how often it is above 0."""
    values = asked(model, n, kind="ioi", corruption="all_names").prompts["clean_metric"]
    return {"logit difference": float(values.mean()), "answer above foil": float((values > 0).mean())}


def ioi_direct(model: Any, n: int) -> dict[str, float]:
    """Direct effect of every head on the logits at the end, in parts of the clean logit difference."""
    study = asked(model, n, kind="ioi", corruption="all_names")
    layers, heads = model.info.n_layers, model.info.n_heads
    variants = []
    for layer in range(layers):
        # Everything that reads the head's output before the logits keeps its clean value at the end.
        after = [interp.Edit("mlp_out", later, query="query", source="clean") for later in range(layer, layers)]
        after += [interp.Edit("attn_out", later, query="query", source="clean") for later in range(layer + 1, layers)]
        for head in range(heads):
            own = interp.Edit("z", layer, head, query="query", source="corrupted")
            variants.append(interp.Variant((own, *after), part="direct", group=f"L{layer}-H{head}"))
    effects = study.measure(variants)
    clean = study.prompts["clean_metric"].mean()
    return {str(name): float(mean / clean) for name, mean in effects.groupby("group")["effect"].mean().items()}


def ioi_heads(model: Any, n: int) -> dict[str, float]:
    """Share of the gap that a head's clean output brings back in the corrupted run, where the other name is right."""
    study = asked(model, n, kind="ioi", corruption="indirect_object")
    effects = study.patch("z", by="head", direction="denoise")
    return _shares(effects, study, lambda row: f"L{row.layer}-H{row.head}", 1)


def greater_than_clean(model: Any, n: int) -> dict[str, float]:
    """Probability of the years after the start minus that of the others."""
    prompts = asked(model, n, kind="greater_than", corruption="first_year").prompts
    return {
        "probability difference": float(prompts["clean_metric"].mean()),
        "probability difference, corrupted": float(prompts["corrupted_metric"].mean()),
    }


def greater_than_layers(model: Any, n: int) -> dict[str, float]:
    """Share of the gap that is lost when what a layer's MLP or attention writes is the corrupted run's."""
    study = asked(model, n, kind="greater_than", corruption="first_year")
    found: dict[str, float] = {}
    for site in ("mlp_out", "attn_out"):
        found |= _shares(study.patch(site, by="layer"), study, lambda row, site=site: f"{site} {row.layer}", -1)
    return found


def _shares(effects: pd.DataFrame, study: Any, name: Callable[[Any], str], sign: int) -> dict[str, float]:
    """Mean effects in parts of the mean gap, by place."""
    gap = study.prompts["gap"].mean()
    means = effects.groupby(["layer", "head"], dropna=False)["effect"].mean().reset_index()
    return {name(row): float(sign * row.effect / gap) for row in means.itertuples()}


MEASURES: dict[str, Callable[[Any, int], dict[str, float]]] = {
    "ioi clean": ioi_clean,
    "ioi direct": ioi_direct,
    "ioi heads": ioi_heads,
    "greater-than clean": greater_than_clean,
    "greater-than layers": greater_than_layers,
}


def compared(model: Any, n: int) -> pd.DataFrame:
    """One row a published number: what, place, published, measured (missing where the model has no such place), rank, source.

    `rank`: the place's among all of its kind, by absolute value, 1 the largest.
    """
    rows = []
    for what, measure in MEASURES.items():
        found = measure(model, n)
        order = sorted(found, key=lambda place: -abs(found[place]))
        for one in (one for one in published() if one.what == what):
            rank = order.index(one.place) + 1 if one.place in found else None
            rows.append((what, one.place, one.value, found.get(one.place), rank, one.source))
    return pd.DataFrame(rows, columns=["what", "place", "published", "measured", "rank", "source"])


def agreement(table: pd.DataFrame) -> str:
    """`7 of 7 signs, Spearman's correlation 0.93`, of numbers that model and paper both have."""
    both = table.dropna(subset=["measured"])
    signs = int(((both["published"] > 0) == (both["measured"] > 0)).sum())
    said = f"{signs} of {len(both)} signs"
    if len(both) < FEWEST:
        return said
    return f"{said}, Spearman's correlation {fixed(float(stats.spearmanr(both['published'], both['measured'])[0]), 2)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and how well each part of it agrees."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--prompts", type=int, default=32)
    given = parser.parse_args(arguments)
    try:
        if given.model.startswith((".", "/", "~")) and not Path(given.model).expanduser().is_dir():
            raise interp.UserError(
                f"--model: there is no folder {given.model!r}; give that of a model, or a name of the hub"
            )
        model = interp.load(given.model)
    except NotAtHand as error:
        print(f"skipped: the weights of {given.model} are not at hand ({error})")
        return
    except interp.UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    table = compared(model, given.prompts)
    for what, part in table.groupby("what", sort=False):
        print(f"\n{what}: {agreement(part)}")
        for row in part.itertuples():
            measured = (
                "no such place" if pd.isna(row.measured) else f"{fixed(row.measured, 3):>8} (rank {int(row.rank)})"
            )
            print(f"  {row.place:34} published {fixed(row.published, 3):>7}   here {measured:20} {row.source}")


if __name__ == "__main__":
    main()
