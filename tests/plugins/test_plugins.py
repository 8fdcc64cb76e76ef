"""A package that is installed beside interp: found, used from a YAML, and told of in a sentence when it is broken."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest

from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.errors import UserError
from interp.runs.catalogue import REGISTRIES

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "examples" / "plugin"
YAML = """
name: plugged
model: {{source: planted, gain: 4}}
prompts:
  task: {{kind: copy_ids}}
  roles: {{key: {{position: 2}}, query: {{position: end}}}}
metric: {{kind: half_difference}}
statistics: {{n_resamples: 100}}
probes:
  - {{kind: first_token_cut}}
  - {{kind: head_ablation, source: zero}}
  - {{kind: direct_logit_attribution}}
{rest}
output: {{root: {root}}}
"""


def install(folder, source, name="plug", module="plugged_in"):
    """What pip leaves behind for a package of one module, or of a folder, in a folder that is put on the path."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Path):
        shutil.copytree(source, folder / module, ignore=shutil.ignore_patterns("__pycache__"))
    else:
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
    about = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]
    (module,) = about["entry-points"]["interp.plugins"].values()
    return install(tmp_path_factory.mktemp("site"), TEMPLATE / "tilt", about["name"].replace("-", "_"), module)


@pytest.fixture(scope="module")
def done(site, tmp_path_factory):
    """(what the terminal said, run folder) of the template's probe, task, metric and model, in a plain report."""
    folder = tmp_path_factory.mktemp("plugged")
    (folder / "run.yaml").write_text(YAML.format(root=folder / "runs", rest=""))
    said = interp(site, "run", folder / "run.yaml")
    assert said.returncode == 0, said.stderr
    return said.stdout, next((folder / "runs" / "plugged").iterdir())


def test_list_shows_every_kind_that_the_template_brings(site):
    listed = json.loads(interp(site, "list", "--json").stdout)
    assert "first_token_cut" in listed["probes"]
    assert "key_query_heads" in listed["probes"]
    assert "seeds" in listed["kinds of run"]
    assert "source: planted" in listed["models"]
    brought = listed["plugins"]["interp_tilt"]
    for kind in (
        *("probe first_token_cut", "task copy_ids", "metric half_difference", "figure strongest_layer"),
        *("recipe one_sentence", "model source planted", "kind of run seeds"),
    ):
        assert kind in brought


def test_a_circuit_built_by_hand_goes_through_a_run_that_finds_it(done):
    _, folder = done
    found = json.loads((folder / "metrics.json").read_text())
    assert found["run"]["model"]["name"] == "planted"
    assert found["run"]["metric"]["unit"] == "half logits"
    assert re.fullmatch(r"L\d-H\d", found["probes"]["first_token_cut"]["strongest"])
    assert found["run"]["n_prompts"] == 6
    rows = [line.split(",") for line in (folder / "summary.csv").read_text().splitlines()]
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    ablated = {(r["layer"], r["head"]): float(r["mean"]) for r in table if r["probe"] == "head_ablation"}
    assert ablated.pop(("1", "2")) == pytest.approx(-2.0, abs=1e-3)  # half of its gain of 4
    assert max(map(abs, ablated.values())) < 1e-5
    # The metric says with which weights contributions add up to it.
    assert found["probes"]["direct_logit_attribution"]["max_abs_error"] < 1e-5


def test_every_probe_is_in_the_report_without_an_edit(done):
    _, folder = done
    page = (folder / "report.md").read_text()
    assert "Largest effects of first_token_cut" in page
    assert "half the logit difference of answer and foil" in page
    stems = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert stems >= {
        "head_heatmap-first_token_cut",
        "head_heatmap-head_ablation",
        "layer_curve-direct_logit_attribution",
    }


def test_recipe_and_figure_of_the_template_from_validate_to_report(site, tmp_path):
    """The YAML of docs/plugins.md."""
    (page,) = re.findall(r"```yaml\n# my_run.yaml\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.S)
    path = tmp_path / "my_run.yaml"
    path.write_text(f"{page}statistics: {{n_resamples: 100}}\noutput: {{root: {tmp_path / 'runs'}}}\n")
    checked = json.loads(interp(site, "validate", path, "--json").stdout)
    assert checked["valid"]
    assert [one["probe"] for one in checked["probes"]] == ["first_token_cut", "head_ablation"]
    said = interp(site, "run", path)
    assert said.returncode == 0, said.stderr
    assert "Cutting L1-H2 moves the half the logit difference of answer and foil by −2.0" in said.stdout
    assert list((tmp_path / "runs").rglob("strongest_layer-head_ablation.svg"))


def test_a_kind_of_run_of_another_package_is_validated_run_and_reported_again(site, tmp_path):
    path = tmp_path / "seeds.yaml"
    path.write_text(f"study: seeds\nname: drawn\nn_seeds: 7\noutput: {{root: {tmp_path / 'runs'}}}\n")
    assert interp(site, "validate", path).stdout.endswith("the config is valid\n")
    assert "A random number with several seeds." in interp(site, "explain", path).stdout
    said = interp(site, "run", path)
    assert said.returncode == 0, said.stderr
    assert "The mean of 7 draws is" in said.stdout
    folder = next((tmp_path / "runs" / "drawn").iterdir())
    page = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert interp(site, "report", folder).returncode == 0
    assert (folder / "report.html").read_bytes() == page
    assert "is finished" in interp(site, "run", path).stdout


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("study: sedes\nname: a\n", "study: there is no 'sedes'; did you mean 'seeds'?"),
        ("name: a\nmodel: {source: plantd}\nprobes: [{kind: logit_lens}]\n", "did you mean 'planted'?"),
        (
            "study: sparsify\nname: a\nmodel: {source: planted}\n",
            "model: training needs a model in a Hugging Face directory",
        ),
        (
            "name: a\nmodel: {source: planted}\nprobes: [{kind: first_token_cut}]\nfigures: [{kind: position_heatmap}]\n",
            "draws tables of layer x position, and no probe of this run has one",
        ),
    ],
)
def test_mistakes_about_what_plugins_add_are_told_as_any_other(site, tmp_path, yaml, says):
    path = tmp_path / "run.yaml"
    path.write_text(yaml)
    said = interp(site, "validate", path, "--json")
    assert said.returncode == 2
    told = json.loads(said.stdout)
    assert not told["valid"]
    assert any(says in one for one in told["mistakes"]), told


TAKEN = """
from typing import Literal
from interp.probes import Probe, probes
@probes.register
class Mine(Probe):
    kind: Literal["logit_lens"] = "logit_lens"
"""


@pytest.mark.parametrize(
    "source", ["import no_such_module", "1 / 0", "def broken(:", "raise SystemError('x')", "raise SystemExit", TAKEN]
)
def test_a_broken_plugin_is_one_sentence(tmp_path, source):
    site = install(tmp_path / "site", source)
    for arguments in (["list"], ["validate", "configs/antonyms_smollm2.yaml"]):
        done = interp(site, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: the plugin 'plug' (module plugged_in, of plug 1.0) cannot be loaded: ")
        assert done.stderr.count("\n") == 1


ASKS = """
from typing import Literal
from pydantic import Field
from interp.configs.loading import AnyConfig
from interp.models import ModelConfig
from interp.prompts import PromptPair, Task, tasks
from interp.prompts.config import PromptsConfig
from interp.runs.kinds import RunKind, run_kinds
class Asks(AnyConfig):
    study: Literal["asks"] = "asks"
    model: ModelConfig
    prompts: PromptsConfig = {default}
run_kinds.register("asks", RunKind("Asks", f"{{__name__}}:Asks", "", ""))
@tasks.register
class Own(Task):
    kind: Literal["own"] = "own"
    def candidates(self):
        return []
"""


def test_a_kind_of_run_that_asks_a_model_knows_the_tasks_of_its_own_package(tmp_path):
    path = tmp_path / "asks.yaml"
    path.write_text("study: asks\nname: a\nmodel: {source: pypi}\nprompts: {task: {kind: own}}\n")
    site = install(tmp_path / "late", ASKS.format(default="Field(default_factory=PromptsConfig)"))
    assert interp(site, "validate", path).returncode == 0
    # A config that is made while plugins are imported would not know what is still to come.
    site = install(tmp_path / "early", ASKS.format(default="PromptsConfig()"))
    done = interp(site, "validate", path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "a config that names a task is made while plugins are imported" in done.stderr


def test_two_packages_with_one_module_are_one_sentence(tmp_path):
    install(tmp_path, "", "one")
    about = tmp_path / "other-1.0.dist-info"
    shutil.copytree(tmp_path / "one-1.0.dist-info", about)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    done = interp(tmp_path, "list")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "one 1.0 and other 1.0, bring a plugin of the same name ('one')" in done.stderr


PAGES = {path.name: path.read_text() for path in (ROOT / "docs").glob("new_*.md")}


def test_every_file_of_the_template_stands_on_a_page_and_every_kind_has_one():
    """The template is what the other tests run, so the code of the pages runs."""
    blocks = dict(re.findall(r"```python\n# tilt/(\w+)\.py\n(.*?)```", "".join(PAGES.values()), re.S))
    files = {path.stem: path.read_text() for path in (TEMPLATE / "tilt").glob("[a-z]*.py")}
    assert blocks == files
    index = (ROOT / "docs" / "plugins.md").read_text()
    assert set(re.findall(r"\]\((new_\w+\.md)\)", index)) == set(PAGES)
    assert len(PAGES) == len(REGISTRIES)


def test_the_package_of_the_page_is_the_templates():
    (page,) = re.findall(r"```toml\n# pyproject.toml\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.S)
    said, is_ = tomllib.loads(page), tomllib.loads((TEMPLATE / "pyproject.toml").read_text())
    assert said["project"].items() <= is_["project"].items()
    assert {name: part for name, part in said.items() if name != "project"} == {
        name: part for name, part in is_.items() if name != "project"
    }


def test_a_kind_is_registered_once():
    registry: Registry[Section] = Registry("thing")

    class One(Section):
        kind: Literal["one"] = "one"

    class Other(Section):
        kind: Literal["one"] = "one"

    registry.register(One)
    registry.register(One)  # a module that is imported again
    with pytest.raises(ValueError, match="thing 'one' is registered twice"):
        registry.register(Other)


def test_a_registry_without_kinds_says_that_the_package_is_not_installed():
    """Its own recipes are a plugin, too; a copy that is only on the path has none of them."""
    kinds = Registry[Section]("recipe")

    class Asks(Section):
        recipe: Annotated[Section, kinds]

    with pytest.raises(UserError, match="no recipe is registered, because this copy of interp is not installed"):
        Asks.model_rebuild(force=True)

    @kinds.register
    class Recipe(Section):
        kind: Literal["mine"] = "mine"

    Asks.model_rebuild(force=True)
    assert Asks.model_validate({"recipe": {"kind": "mine"}}).recipe == Recipe()
