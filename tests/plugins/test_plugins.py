"""A package that is installed beside interp: found, used from a YAML, and told of in a sentence when it is broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from interp.registry import Registry
from interp.section import Section

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
YAML = """
name: plugged
model: {{source: directory, path: {model}}}
prompts: {{keep: all, min_gap: 0, task: {{kind: plugin_weekdays}}}}
metric: {{kind: plugin_twice}}
statistics: {{n_resamples: 100}}
probes: [{{kind: plugin_first_token_cut}}]
experiment: {{kind: plugin_recipe}}
output: {{root: {root}}}
"""


def install(folder, source, name="plug", module="plugged_in"):
    """What pip leaves behind for a package of one module, in a folder that is put on the path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[interp.plugins]\n{name} = {module}\n")
    return folder


def interp(site, *arguments):
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)])])
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
    command = [sys.executable, "-m", "interp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return install(tmp_path_factory.mktemp("site"), (HERE / "plugin.py").read_text())


def test_list_shows_the_plugin_and_its_kinds(site):
    said = interp(site, "list").stdout
    for kind in ("weekdays", "twice", "first_token_cut", "bars", "recipe"):
        assert f"plugin_{kind}" in said
    assert "module plugged_in of plug 1.0: probe plugin_first_token_cut, task plugin_weekdays" in said
    assert "key_query_circuit" in said


def test_all_five_kinds_go_from_validate_to_the_report(site, tiny_llama, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(YAML.format(model=tiny_llama, root=tmp_path / "runs"))
    checked = interp(site, "validate", path)
    assert (checked.returncode, checked.stderr) == (0, "")
    done = interp(site, "run", path)
    assert done.returncode == 0, done.stderr
    assert "It works." in done.stdout
    folder = next((tmp_path / "runs" / "plugged").iterdir())
    (folder / "report.html").unlink()
    assert interp(site, "report", folder).returncode == 0
    page = (folder / "report.md").read_text()
    assert "twice the logit difference" in page
    assert "double logits" in page
    assert (folder / "figures" / "plugin_bars.svg").is_file()
    assert json.loads((folder / "metrics.json").read_text())["run"]["metric"]["kind"] == "plugin_twice"


@pytest.mark.parametrize("source", ["import no_such_module", "1 / 0", "def broken(:", "raise SystemError('x')"])
def test_a_broken_plugin_is_one_sentence(tmp_path, source):
    site = install(tmp_path / "site", source)
    for arguments in (["list"], ["validate", "configs/antonyms_smollm2.yaml"]):
        done = interp(site, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: the plugin 'plug' (module plugged_in, of plug 1.0) cannot be loaded: ")
        assert done.stderr.count("\n") == 1


def test_the_page_on_new_probes_is_true(tmp_path):
    text = (ROOT / "docs" / "new_probe.md").read_text()
    source = re.search(r"```python\n(.*?)```", text, re.S)[1]
    name, module = re.search(r'^(\w+) = "(\w+)"$', text, re.M).groups()
    site = install(tmp_path / "site", source, name, module)
    assert "first_token_cut" in interp(site, "list").stdout
    kind = re.search(r"- (\{kind: first_token_cut.*\})", text)[1]
    path = tmp_path / "run.yaml"
    path.write_text(
        f"name: documented\nmodel: {{source: hub, name: not-here}}\nprobes: [{kind}, {{kind: first_token_cat}}]\n"
    )
    said = interp(site, "validate", path).stderr
    assert "probes.1.kind: there is no 'first_token_cat'; did you mean 'first_token_cut'?" in said
    assert "probes.0" not in said


def test_a_kind_is_registered_once():
    registry: Registry[Section] = Registry("thing")

    class One(Section):
        kind: str = "one"

    class Other(Section):
        kind: str = "one"

    registry.register(One)
    registry.register(One)  # a module that is imported again
    with pytest.raises(ValueError, match="thing 'one' is registered twice"):
        registry.register(Other)
