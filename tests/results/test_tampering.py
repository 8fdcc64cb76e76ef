"""Every file of a finished run is damaged in turn: the run comes back as it was, or one sentence says what is wrong."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from interp.errors import UserError
from interp.results import reading, sealed
from interp.runs.circuit.assemble import TABLES
from interp.runs.kinds import publish_any
from tests.results.small_runs import carried_out, write_small

pytestmark = pytest.mark.usefixtures("no_figures")
FILES = (*TABLES, "manifest.json", "config.yaml", "config.resolved.yaml")
PARTS = tuple(
    f"parts/{label}.{ending}"
    for label in ("@prompts", "key_query_heads", "layer_modulation", "head_ablation")
    for ending in ("parquet", "json")
)
DAMAGES = ("missing", "cut", "of another run", "empty", "binary", "a folder")


@pytest.fixture(scope="module")
def runs(tiny_llama, tmp_path_factory):
    """(folder of the configs, a finished run, one of other prompts with the same labels)."""
    with pytest.MonkeyPatch.context() as patch:
        from experiments.overview import Overview

        patch.setattr(Overview, "figures", lambda self, tables: [])
        folder = tmp_path_factory.mktemp("tampered")
        one, _ = carried_out(write_small(folder, tiny_llama))
        other, _ = carried_out(write_small(folder, tiny_llama, seed=2, pairs=13, name="other.yaml"))
    return folder, one, other


@pytest.fixture
def again(runs, tmp_path):
    """Puts the finished run back as it was, as often as it is called."""
    one = runs[1]
    kept = tmp_path / "kept"
    shutil.copytree(one, kept)

    def put_back() -> None:
        shutil.rmtree(one)
        shutil.copytree(kept, one)

    yield put_back
    put_back()


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def damage(path: Path, how: str, other: Path) -> None:
    whole = path.read_bytes()
    path.unlink()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "binary":
        path.write_bytes(bytes(range(256)) * 3)
    elif how == "of another run":
        path.write_bytes(other.read_bytes())
    elif how == "a folder":
        path.mkdir()


def asked(command: str, config: Path, folder: Path, monkeypatch) -> None:
    """`interp run` or `interp report`, which must do without the model."""
    if command == "run":
        carried_out(config)
        return
    with monkeypatch.context() as patch:
        patch.setattr("interp.runs.circuit.run.load_model", None)
        publish_any(folder, Console(file=io.StringIO()))


@pytest.mark.parametrize(("command", "damages"), [("report", DAMAGES), ("run", DAMAGES[:3])])
@pytest.mark.parametrize("name", FILES)
def test_any_file_damaged_in_any_way_is_mended_or_said(runs, again, monkeypatch, name, command, damages):
    folder, one, other = runs
    before = content(one)
    for how in damages:
        damage(one / name, how, other / name)
        said = ""
        try:
            asked(command, folder / "small.yaml", one, monkeypatch)
        except UserError as error:
            said = str(error)
        if said:
            assert "\n" not in said
            assert str(one) in said, (how, said)
            # Only what nothing else holds may be lost.
            lost = ("config.resolved.yaml", command), ("manifest.json", "report")
            assert how == "a folder" or (name, command) in lost, (how, said)
        else:
            assert content(one) == before, how
        again()


@pytest.mark.parametrize("name", PARTS)
def test_a_damaged_part_is_measured_again(runs, again, name):
    """Without the manifest, every part is looked at."""
    folder, one, other = runs
    before = content(one)
    for how in DAMAGES[:3]:
        (one / "manifest.json").unlink()
        damage(one / name, how, other / name)
        label = Path(name).stem
        said = carried_out(folder / "small.yaml")[1]
        assert f"{label}: finished before" not in said
        assert said.count("finished before, kept") == (3 if label == "@prompts" else 2), how
        assert content(one) == before, how
        again()


@pytest.mark.parametrize("how", ["missing", "cut", "of another run"])
def test_a_table_and_its_part_damaged_together(runs, again, monkeypatch, how):
    """Only measuring can bring it back: `report` says so, `run` does it, but never with another run's part."""
    folder, one, other = runs
    before = content(one)

    def both() -> None:
        for name in ("effects.parquet", "parts/key_query_heads.parquet", "parts/key_query_heads.json"):
            damage(one / name, how, other / name)

    both()
    with pytest.raises(
        UserError, match="(key_query_heads.* is|effects.parquet.* are) missing or damaged; run its config again"
    ):
        asked("report", folder / "small.yaml", one, monkeypatch)
    again()
    both()
    if how == "of another run":
        with pytest.raises(
            UserError, match=r"finished part 'key_query_heads' was made from something else \(.*the seed: 2 then, 1 now"
        ):
            asked("run", folder / "small.yaml", one, monkeypatch)
    else:
        asked("run", folder / "small.yaml", one, monkeypatch)
        assert content(one) == before


def test_findings_that_were_edited_are_measured_again(runs, again):
    folder, one, _ = runs
    before = content(one)
    notes = one / "parts" / "key_query_heads.json"
    edited = json.loads(notes.read_text())
    edited["findings"]["n_candidates"] = 1
    notes.write_text(json.dumps(edited))
    (one / "manifest.json").unlink()
    _, said = carried_out(folder / "small.yaml")
    assert "key_query_heads: finished before" not in said
    assert "head_ablation: finished before, kept" in said
    assert content(one) == before


def test_a_folder_called_as_a_half_written_file_is_left_alone(runs, again):
    folder, one, _ = runs
    mine = one / "x.partial"
    mine.mkdir()
    (one / "left.partial").write_text("")
    carried_out(folder / "small.yaml")
    assert mine.is_dir()
    assert not (one / "left.partial").exists()


@pytest.mark.parametrize("name", ["figures", "parts"])
def test_nothing_is_written_through_a_link(runs, again, tmp_path, monkeypatch, name):
    folder, one, _ = runs
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if (one / name).exists():
        shutil.rmtree(one / name)
    (one / name).symlink_to(elsewhere)
    for command in ("report", "run"):
        with pytest.raises(UserError, match=f"{name} is a symbolic link"):
            asked(command, folder / "small.yaml", one, monkeypatch)
    assert not list(elsewhere.iterdir())


def test_the_runs_folder_itself_may_be_a_link(tmp_path, runs):
    _, one, _ = runs
    link = tmp_path / "runs"
    link.symlink_to(one.parent)
    publish_any(link / one.name, Console(file=io.StringIO()))


def test_an_unfinished_run_has_no_report(runs, again, monkeypatch):
    _, one, _ = runs
    (one / "manifest.json").unlink()
    with pytest.raises(reading.Damaged, match="is not a finished run: manifest.json is missing"):
        asked("report", one, one, monkeypatch)


def test_parts_in_the_words_of_another_version_are_said_to_be(runs, again, monkeypatch):
    """A table that is missing cannot be made from findings that this version does not know."""
    folder, one, _ = runs
    path = one / "parts" / "layer_modulation.json"
    part = sealed.read(path)
    part["findings"]["a_field_of_old"] = 1
    sealed.write(path, part)
    (one / "summary.csv").unlink()
    with pytest.raises(UserError, match="its parts were written by another version of interp; .*--fresh") as caught:
        asked("report", folder / "small.yaml", one, monkeypatch)
    assert "\n" not in str(caught.value)
    again()
