"""A run folder without a run: tables by hand, whose every text may be replaced by a hostile one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.figures.base import Drawn, Saved, save
from interp.figures.fonts import drawable_token, rc
from interp.figures.marks import Marks
from interp.report.methods import Methods
from interp.report.render import write_report
from interp.report.story import Section, Story, TableBlock
from interp.results.effects_file import InMemory
from interp.results.manifest import Manifest
from interp.results.tables import RunTables
from tests.findings import filled

TOKENS = ["The", " opposite", " of", ' "', "large", '"', " is", ' "']
HOSTILE = "<script>alert(1)</script> &amp; \"double\" 'single' | `tick` ``two`` $x$ *a* _b_ [l](u) {{ 1 }} C:\\|\nnext"


@dataclass(frozen=True)
class Written:
    """A report on disk, and what went into it."""

    folder: Path
    tables: RunTables
    story: Story
    html: str
    markdown: str


def write(folder: Path, text: str | None = None, story: Story | None = None) -> Written:
    """Write the report of the little run; with `text`, every prompt, token, reason and sentence is that text."""
    folder.mkdir(parents=True, exist_ok=True)
    tables, told = make_tables(text), story or make_story(text)
    (folder / "manifest.json").write_text(make_manifest(text).model_dump_json(), encoding="utf-8")
    (folder / "config.resolved.yaml").write_text(f"name: little\nnote: |\n  {text or 'plain'}\n", encoding="utf-8")
    methods = Methods([text or "Heads were ranked."], [text or "@misc{one}"])
    write_report(folder, tables, told, [draw(folder, stem, text) for stem in ("curve", "panel")], methods)
    html, markdown = ((folder / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    return Written(folder, tables, told, html, markdown)


def draw(folder: Path, stem: str, text: str | None) -> Saved:
    with mpl.rc_context(rc([text or stem])):
        figure = Figure(figsize=(6.9 if stem == "panel" else 3.4, 2))
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.plot([0, 1])
        axes.set_title(drawable_token(text or stem))
    rows = pd.DataFrame({"x": [0, 1], "name": [text or "first", text or "second"], "share": [0.25, 0.75]})
    marks = [Marks(axes, rows, "x", [0, 1])] if stem == "curve" else []
    title, caption = text or f"Title of {stem}", text or f"Caption of {stem}, n = 4."
    return save(Drawn(figure, rows, title, caption, marks), folder / "figures", stem)


def make_story(text: str | None) -> Story:
    blocks = [
        TableBlock(
            "Heads", ["head", "carried", "interval"], [["L2-H1", "0.56", "[0.49, 0.63]"], ["L0-H3", "−0.10", "—"]]
        ),
        TableBlock(
            text or "Texts", [text or "one", "two"], [[text or "a", "b"]], text or "A note.", frozenset({"two"})
        ),
    ]
    return Story(
        title=text or "A little study",
        question=text or "Which heads?",
        answer=[text or "Two heads [1, 3] carry 80 % of it.", text or "The effect is 1.20 logits [1.00, 1.40]."],
        observations=[text or "First observation."],
        caveats=[text or "First caveat."],
        sections=[Section(text or "Where", [text or "A paragraph."], ["curve"], blocks)],
    )


def make_tables(text: str | None) -> RunTables:
    words = [("large", "small", "hot", "cold"), ("hot", "cold", "large", "small")]
    rows = []
    for number, (word, answer, other, foil) in enumerate(words * 2):
        template = 'The opposite of "{word}" is "' if number < 2 else 'Of "{word}", the opposite is "'
        tokens = [text] * 8 if text else [token.replace("large", word) for token in TOKENS]
        rows.append(
            {
                "prompt": number,
                "set": f"t{number // 2}",
                "template": text or template,
                "pair": text or f"{word}/{answer}",
                "focus": number == 0,
                "clean": text or template.format(word=word),
                "answer": text or answer,
                "corrupted": text or template.format(word=other),
                "foil": text or foil,
                "clean_tokens": tokens,
                "corrupted_tokens": [*tokens[:4], text or other, *tokens[5:]],
                "clean_ids": list(range(8)),
                "corrupted_ids": [0, 1, 2, 3, 99, 5, 6, 7],
                "roles": json.dumps({"key": [5], "query": [8], "relation": [2, 3]}),
                "key": 5,
                "query": 8,
                "clean_metric": 2.0 + number,
                "corrupted_metric": -1.5,
                "gap": 3.5 + number,
                "clean_top1": text or f" {answer}" if number != 1 else "warm",
                "answer_prob": 0.25,
                "answer_id": 2,
                "foil_id": 3,
                "top1_id": 2 if number != 1 else 5,
            }
        )
    dropped = [(text, text, text)] if text else DROPPED
    return RunTables(
        record=InMemory(make_effects()),
        summary=pd.DataFrame(),
        prompts=pd.DataFrame(rows),
        dropped=pd.DataFrame(dropped, columns=["pair", "template", "reason"]),
        candidates=pd.DataFrame(),
        metrics=Metrics.model_validate({"run": make_run(text), "probes": {}}),
        config={"name": "little", "output": {"root": "runs"}},
    )


DROPPED = [
    ("dull/sharp", 'The opposite of "{word}" is "', "the answer 'sharp' is 2 tokens (sh|arp), where one is needed"),
    ("old/new", 'The opposite of "{word}" is "', "the model answers ' young'"),
    ("up/down", 'The opposite of "{word}" is "', "the model answers ' left'"),
    ("in/out", 'Of "{word}", the opposite is "', "the clean-corrupted gap 1e-05 is below min_gap 0.001"),
    ("old/new", 'Of "{word}", the opposite is "', "group 'opposite': the model answers ' old'"),
]


def make_effects() -> pd.DataFrame:
    heads = {
        "probe": "heads",
        "kind": "key_query_heads",
        "part": "edge",
        "method": "exact",
        "source": "zero",
        "site": "edge",
    }
    patch = {"probe": "patch", "kind": "activation_patching", "part": "z", "method": "exact", "site": "z"}
    lens = {"probe": "logit_lens", "kind": "logit_lens", "part": "", "method": "observed", "source": "", "site": ""}
    rows = [
        {**settings, "base": base, "group": "", "variant": variant, "prompt": prompt}
        for settings, base in (
            (heads, "clean"),
            ({**patch, "source": "clean"}, "corrupted"),
            ({**patch, "source": "corrupted"}, "clean"),
            (lens, "clean"),
        )
        for variant in range(3)
        for prompt in range(4)
    ]
    return pd.DataFrame(rows)


def make_run(text: str | None) -> dict:
    model = {
        "name": text or "little-model",
        "architecture": "Little",
        "source": "directory",
        "origin": text or "a directory",
        "n_layers": 3,
        "n_heads": 4,
        "n_kv_heads": 1,
        "d_model": 16,
        "dtype": "float32",
        "device": "cpu",
        "weights_sha256": "ab" * 32,
        "logits_max_abs_diff": 4.67e-05,
        "checked_prompt": text or "The opposite",
        "prepend_bos": False,
        "processing": {"fold_ln": True, "center_unembed": False},
    }
    run = {
        "name": "little",
        "title": "",
        "question": "",
        "model": model,
        "n_prompts": 4,
        "n_pairs": 2,
        "n_templates": 2,
        "metric": {"kind": "logit_diff", "unit": "logits", "words": "logit difference"},
        "confidence": 0.95,
        "n_resamples": 200,
        "share_target": 0.8,
        "share_definition": "joint",
        "clean": {"mean": 3.48213, "low": 3.1, "high": 3.9},
        "corrupted": {"mean": -1.5, "low": None, "high": None},
    }
    return filled(RunFindings, run)


def make_manifest(text: str | None) -> Manifest:
    command = "make experiment CONFIG=configs/little.yaml SET='seed=3'"
    said = {
        "name": "little",
        "command": text or command,
        "overrides": ["seed=3"],
        "config_hash": "0123456789ab",
        "folder": "runs/little/0123456789ab",
        "seed": 3,
        "versions": {"torch": "2.13.0", "python": "3.11.7", "commit": "c0ffee+changes"},
        "threads": 2,
        "seconds": 12.3,
        "probe_seconds": {"heads": 9.87},
    }
    return Manifest.model_validate(said)
