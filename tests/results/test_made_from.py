"""What is finished is kept only while everything that it was made from is as it was; else one sentence says what is not."""

from __future__ import annotations

import json
import shutil

import pytest

from interp.errors import UserError
from interp.results import sealed, versions
from interp.results.inputs import inputs_of, paths_in
from interp.results.parts import differences
from interp.results.run_folder import RunFolder
from interp.runs.kinds import load_any
from interp.sparsify.config import SparsifyConfig
from tests.results.small_runs import carried_out, write_small
from tests.results.test_tampering import content
from tests.tiny_models import write_tiny_llama

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return write_tiny_llama(folder / "one"), write_tiny_llama(folder / "other", seed=3)


@pytest.fixture
def model(models, tmp_path):
    """A model directory to change."""
    return shutil.copytree(models[0], tmp_path / "model")


@pytest.fixture
def config(model, tmp_path):
    return write_small(tmp_path, model)


def other_weights(model, models):
    (model / "model.safetensors").write_bytes((models[1] / "model.safetensors").read_bytes())


def test_another_model_in_the_same_directory(config, model, models):
    folder, _ = carried_out(config)
    first = content(folder)
    other_weights(model, models)
    with pytest.raises(UserError, match=r"model.safetensors: \w{10} then, \w{10} now.*--fresh .*FRESH=1"):
        carried_out(config)
    # Without the manifest the parts themselves know.
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"the weights: \w{10} then, \w{10} now"):
        carried_out(config)
    again, said = carried_out(config, fresh=True)
    assert again == folder
    assert "finished before" not in said
    second = content(folder)
    assert all(first[name] != second[name] for name in ("effects.parquet", "metrics.json"))
    assert json.loads(second["metrics.json"])["run"]["model"]["weights_sha256"] in (folder / "report.md").read_text()
    (model / "model.safetensors").write_bytes((models[0] / "model.safetensors").read_bytes())
    carried_out(config, fresh=True)
    assert {name: content(folder)[name] for name in first} == first


def test_what_a_run_does_not_read_may_change(config, model, tmp_path):
    folder, _ = carried_out(config)
    (model / "README.md").write_text("seen")
    assert "is finished" in carried_out(config)[1]
    shutil.move(model, tmp_path / "away")  # nothing has changed; the model is only not here any more
    assert "is finished" in carried_out(config)[1]
    assert folder.is_dir()


def test_an_attempt_that_failed_before_it_measured_holds_nobody_to_its_model(config, model, models):
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(weights[:100])
    with pytest.raises(UserError):
        carried_out(config)
    other_weights(model, models)
    assert "layer_modulation" in carried_out(config)[1]


def test_parts_of_other_code_are_said_and_a_finished_run_is_only_told(config, monkeypatch):
    folder, _ = carried_out(config)
    real = versions.code()
    monkeypatch.setattr(versions, "code", lambda: {**real, "torch": "0.1"})
    said = carried_out(config)[1]
    assert "is finished" in said
    assert f"measured by other code (torch: {real['torch']} then, 0.1 now)" in said
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match=r"was made from something else \(torch: .* then, 0.1 now\)"):
        carried_out(config)


def test_a_part_follows_the_probe_that_it_builds_on(config):
    """The modulation depends on the search; the ablation, which does not, is kept."""
    folder, _ = carried_out(config)
    (folder / "manifest.json").unlink()
    with RunFolder.existing(folder) as run:
        search = run.whole_part("key_query_heads")
        assert set(run.whole_part("layer_modulation").builds_on) == {"key_query_heads"}
        assert not run.whole_part("head_ablation").builds_on
        other = {**search.findings, "n_candidates": 1}
        run.save_part("key_query_heads", run.parts.table("key_query_heads"), other, search.made_from, search.cost)
    with pytest.raises(UserError, match=r"'layer_modulation' was made from something else \(key_query_heads: "):
        carried_out(config)


def test_a_resumed_run_reports_the_work_of_all_attempts(config, monkeypatch):
    folder, _ = carried_out(config)
    whole = json.loads((folder / "manifest.json").read_text())
    tables = content(folder)
    real, done = RunFolder.save_part, []

    def stop_after_two(self, label, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        real(self, label, *rest)
        done.append(label)

    monkeypatch.setattr(RunFolder, "save_part", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        carried_out(config, fresh=True)
    monkeypatch.setattr(RunFolder, "save_part", real)
    assert carried_out(config)[1].count("finished before, kept") == 2
    resumed = json.loads((folder / "manifest.json").read_text())
    assert resumed["engine"] == whole["engine"]
    assert resumed["engine"]["variants"] > 0
    assert resumed["probe_seconds"].keys() == whole["probe_seconds"].keys()
    assert "interventions" in (folder / "report.md").read_text()
    assert content(folder) == tables


def test_the_paths_of_a_config_are_found_by_their_mark():
    config = SparsifyConfig.model_validate(
        {
            "name": "s",
            "model": {"source": "directory", "path": "m"},
            "text": {"of": {"source": "file", "path": "t.txt"}},
            "training": {"begin": "b", "stages": [{"target": 1, "steps": 1}]},
            "export": "out",
        }
    )
    assert dict(paths_in(config)) == {"model.path": "m", "text.of.path": "t.txt", "training.begin": "b"}


def test_a_record_says_which_files_and_not_whose_machine(config, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # from elsewhere a path is shown by `../`, and ends like the absolute one
    folder, _ = carried_out(config)
    said = json.loads((folder / "manifest.json").read_text())
    assert "model.path/model.safetensors" in said["inputs"]
    for file in ("manifest.json", "report.md", "report.html", "parts/head_ablation.json"):
        text = (folder / file).read_text()
        assert str(model) not in text.replace(str(config), "")
    moved = shutil.copytree(model, model.parent / "moved")
    assert (
        inputs_of(load_any(config)[1].run).keys() == inputs_of(load_any(config, [f"model.path={moved}"])[1].run).keys()
    )


def test_untouched_files_are_not_read_again(tmp_path, monkeypatch):
    path = tmp_path / "t.txt"
    path.write_text("one")
    config = SparsifyConfig.model_validate(
        {
            "name": "s",
            "model": {"source": "pypi"},
            "text": {"of": {"source": "file", "path": str(path)}},
            "training": {"stages": [{"target": 1, "steps": 1}]},
        }
    )
    first = inputs_of(config)
    assert first["text.of.path"]["sha256"] == sealed.digest_of_file(path)
    with monkeypatch.context() as patch:
        patch.setattr("interp.results.inputs.digest_of_file", None)  # reading would fail
        assert inputs_of(config, first) == first
    path.write_text("two")
    assert inputs_of(config, first)["text.of.path"]["sha256"] == sealed.digest_of_file(path)


def test_differences_are_said_in_words():
    digest = "0123456789" * 6 + "abcd"
    assert differences({"a": digest, "b": "1"}, {"a": digest[::-1], "b": "1"}) == ["a: 0123456789 then, dcba987654 now"]
    assert differences({"x": "1"}, {"y": "1"}) == ["x: not there any more", "y: new"]
    assert differences({"x": "1"}, {"x": "1"}) == []
