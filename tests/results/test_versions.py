"""The commit in a manifest is that of the project's own checkout, or none."""

from __future__ import annotations

import subprocess

import pytest

from interp.results.versions import HERE, code, code_of, commit_of


def git(folder, *command):
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *identity, *command], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "interp").mkdir()
    (tmp_path / "interp" / "__init__.py").write_text("")
    git(tmp_path, "init", "--quiet")
    return tmp_path


def committed(folder, *names):
    git(folder, "add", *names)
    git(folder, "commit", "--quiet", "-m", "first", "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


def test_a_checkout_has_its_commit_and_says_when_it_was_changed(repository):
    commit = committed(repository, "interp")
    assert commit_of(repository / "interp") == commit
    (repository / "interp" / "__init__.py").write_text("x = 1\n")
    assert commit_of(repository / "interp") == f"{commit}+changes"


def test_an_environment_inside_somebody_elses_repository_has_none(repository):
    committed(repository, "interp")
    installed = repository / ".venv" / "lib" / "site-packages" / "interp"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert commit_of(installed) is None


def test_sources_copied_into_another_repository_have_none(repository):
    (repository / "mine.txt").write_text("")
    committed(repository, "mine.txt")
    assert commit_of(repository / "interp") is None


def test_a_repository_that_the_shell_points_at_is_not_ours(repository, tmp_path_factory, monkeypatch):
    committed(repository, "interp")
    elsewhere = tmp_path_factory.mktemp("plain") / "interp"
    elsewhere.mkdir()
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere.parent))
    assert commit_of(elsewhere) is None


def test_the_code_of_strangers_counts_where_they_take_part():
    assert code()["the code of interp"]
    from interp.probes.logit_lens import LogitLens

    assert code_of(LogitLens()) == {}
    assert list(code_of(Stranger())) == [f"the code of {__name__}"]
    assert HERE.name == "interp"


class Stranger:
    """A probe of somebody else's."""
