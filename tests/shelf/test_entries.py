"""A folder of runs: every run is a row, whatever became of it, and nothing in it is trusted."""

from __future__ import annotations

import json

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from interp.cli.commands import app
from interp.errors import UserError
from interp.shelf.entries import entries
from tests.report.page import Page

HOSTILE = '<script>alert(1)</script>"\x1b[31m'
REPORT = '<body><div class="answer" role="note"><p>{answer}</p><p>More.</p></div><p>Not this.</p></body>'


def run(root, place, status="finished", answer="Two heads carry it.", config=None, **manifest):
    folder = root / place
    folder.mkdir(parents=True)
    config = config or {
        "name": place.split("/")[0],
        "study": "circuit",
        "model": {"source": "pypi", "name": "smollm2"},
        "prompts": {"task": {"kind": "antonyms"}},
    }
    (folder / "config.resolved.yaml").write_text(json.dumps(config), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps({"status": status, **manifest}), encoding="utf-8")
    if answer:
        (folder / "report.html").write_text(REPORT.format(answer=answer), encoding="utf-8")
    return folder


@pytest.fixture
def shelf(tmp_path):
    run(tmp_path, "good/a1", tables={})
    run(tmp_path, "killed/b2", status="running", answer=None)
    run(tmp_path, "failed/c3", status="failed", answer=None, error="ZeroDivisionError: no")
    (run(tmp_path, "yaml/d4") / "config.resolved.yaml").write_text("a: [", encoding="utf-8")
    (run(tmp_path, "json/e5") / "manifest.json").write_text("{", encoding="utf-8")
    run(tmp_path, "gone/f6", tables={"summary.csv": "0" * 64})
    (tmp_path / "no run" / "at all").mkdir(parents=True)
    (tmp_path / "file.txt").write_text("")
    return tmp_path


def test_every_run_is_a_row_with_its_status(shelf):
    found = {one.folder: one for one in entries(shelf)}
    assert {place: one.status for place, one in found.items()} == {
        "good/a1": "finished",
        "killed/b2": "interrupted",
        "failed/c3": "failed",
        "yaml/d4": "damaged",
        "json/e5": "damaged",
        "gone/f6": "damaged",
    }
    good = found["good/a1"]
    assert (good.name, good.model, good.task, good.answer) == ("good", "smollm2", "antonyms", "Two heads carry it.")
    assert good.report == "good/a1/report.html"
    assert found["killed/b2"].report is None
    assert found["failed/c3"].why == "ZeroDivisionError: no"
    assert found["yaml/d4"].why.startswith("config.resolved.yaml cannot be read")
    assert found["json/e5"].why.startswith("manifest.json cannot be read")
    assert found["gone/f6"].why == "summary.csv is missing"


def test_a_run_that_somebody_holds_is_running(shelf):
    with FileLock(shelf / "killed" / "b2" / ".lock"):
        assert next(one for one in entries(shelf) if one.name == "killed").status == "running"


def test_what_lies_inside_a_run_is_no_row_and_points_are_rows_when_asked_for(tmp_path):
    run(tmp_path, "study/s1", config={"name": "study", "sweep": {}}, status="collected")
    run(tmp_path, "study/points/p/h1")
    run(tmp_path, "both/c1")
    run(tmp_path, "both/c1/dense")
    assert [one.folder for one in entries(tmp_path)] == ["study/s1", "both/c1"]
    assert {one.folder for one in entries(tmp_path, points=True)} == {"study/s1", "both/c1", "study/points/p/h1"}
    assert {one.kind for one in entries(tmp_path)} == {"sweep", "circuit"}


def test_no_folder_is_a_sentence_and_an_empty_one_an_empty_page(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        entries(tmp_path / "none")
    assert CliRunner().invoke(app, ["runs", str(tmp_path)]).exit_code == 0
    assert (tmp_path / "index.html").is_file()


def test_table_and_page_say_the_same_and_hostile_names_come_through_literally(shelf):
    run(
        shelf,
        "hostile/g7",
        answer="fine",
        status="failed",
        error=HOSTILE,
        config={"name": HOSTILE, "model": HOSTILE, "prompts": {"task": {"kind": HOSTILE}}},
    )
    done = CliRunner().invoke(app, ["runs", str(shelf)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "\x1b[31m" not in done.output
    html = (shelf / "index.html").read_text(encoding="utf-8")
    page = Page(html)
    assert html.count("<script>") == 1
    assert "<script>alert(1)</script>" in page.text()
    links = [one["href"] for one in page.all("a")]
    assert "good/a1/report.html" in links
    assert len(page.all("tr")) == 8
    for word in ("interrupted", "damaged", "summary.csv is missing", "Two heads carry it."):
        assert word in page.text()
    for folder in ("good/a1", "killed/b2", "gone/f6"):
        assert folder in done.output
    rows = json.loads(CliRunner().invoke(app, ["runs", str(shelf), "--json"]).output)
    assert {one["status"] for one in rows} == {"finished", "interrupted", "failed", "damaged"}
