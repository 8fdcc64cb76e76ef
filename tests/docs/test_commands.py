"""Every command that a page shows: its target, options and files exist, and its config is valid with what is set beside it."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from interp.cli.commands import app
from interp.runs.kinds import load_any
from interp.sweep.expand import expand
from tests.docs.pages import PAGES, ROOT, all_blocks, inline_commands, name_of

COMMANDS = [
    (f"{block}: {line}", line)
    for block in all_blocks("sh")
    for line in block.text.replace("\\\n", " ").splitlines()
    if line.strip() and not line.lstrip().startswith("#")
]
PROSE = [(f"{name_of(page)}: {command}", command) for page in PAGES for command in inline_commands(page)]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
VARIABLES = set(re.findall(r"^([A-Z]+) \?=", (ROOT / "Makefile").read_text(), re.M)) | {"FRESH"}
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def is_placeholder(word: str) -> bool:
    """`RUN`, `runs/NAME/HASH`, `...`: for the reader to fill in."""
    return "..." in word or "<" in word or bool(re.search(r"\b[A-Z][A-Z_]{2,}\b", word))


def check(line: str, may_be_cut: bool = False) -> None:
    """Raises where a command could not work; what a text puts into brackets may be left out."""
    line = re.sub(r" \[(.*?)\]", r" \1", line) if may_be_cut else line
    program, *words = shlex.split(line, comments=True)
    while re.fullmatch(r"[A-Z_]+=.*", program):  # a variable of the environment
        program, *words = words
    if program == "python" and words[:2] == ["-m", "interp"]:
        program, words = "interp", words[2:]
    checks = {"make": of_make, "python": of_python, "pip": of_pip, "bash": of_bash}
    if program == "interp":
        of_interp(words, may_be_cut)
    elif program in checks:
        checks[program](words)
    else:
        assert program in ("git", "cd", "source", "pytest", "apt"), f"nothing checks {program}"


def of_make(words: list[str]) -> None:
    given = dict(word.split("=", 1) for word in words if "=" in word)
    targets = [word for word in words if "=" not in word]
    assert set(targets) <= TARGETS, targets
    assert set(given) <= VARIABLES, given
    config = given.get("CONFIG", "configs/antonyms_smollm2.yaml" if targets == ["experiment"] else "...")
    known(config, shlex.split(given.get("SET", "")), "sweep" in targets)


def of_interp(words: list[str], may_be_cut: bool) -> None:
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands"):
        options = {option for one in command.params for option in one.opts}
        assert set(words) <= options, f"no command {words}"
        assert words or may_be_cut
        return
    try:
        with command.make_context("interp", list(words)) as context:
            given = context.params
    except Exception as error:
        if may_be_cut and type(error).__name__ == "MissingParameter":
            return
        raise
    sets = [*(given.get("set_") or ()), *shlex.split(given.get("sets") or "")]
    known(str(given.get("config", "...")), sets, "executor" in given or command.name == "plan")


def known(config: str, sets: list[str], is_sweep: bool) -> None:
    """A config that ships is valid with these settings; one that the reader writes is not there."""
    if is_placeholder(config) or not config.startswith("configs/") or "*" in config:
        return
    # A placeholder inside a mapping stands for a text; `a.b=VALUE` may stand for anything.
    settings = [one for one in sets if "{" in one or not is_placeholder(one)]
    (expand if is_sweep else load_any)(Path(config), settings)


def of_python(words: list[str]) -> None:
    if words[0] == "-m":
        module = ROOT / words[1].replace(".", "/")
        assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), words[1]
        return
    source = (ROOT / words[0]).read_text(encoding="utf-8")
    for option in (word for word in words[1:] if word.startswith("--")):
        assert f'"{option}"' in source, option


def of_pip(words: list[str]) -> None:
    assert words[0] == "install"
    for extras in re.findall(r"\[([\w,]+)\]", " ".join(words)):
        assert set(extras.split(",")) <= EXTRAS


def of_bash(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("line", [line for _, line in COMMANDS], ids=[name for name, _ in COMMANDS])
def test_a_command_of_a_page_would_work(line):
    check(line)


@pytest.mark.parametrize("line", [line for _, line in PROSE], ids=[name for name, _ in PROSE])
def test_a_command_in_the_text_would_work(line):
    check(line, may_be_cut=True)


@pytest.mark.parametrize(
    "line",
    [
        *("make no-such-target", "make experiment CONFG=a.yaml", "make validate CONFIG=configs/none.yaml"),
        *("make experiment SET=probes.0.nothing=1", "interp rnu a.yaml", "interp run a.yaml --no-such-option"),
        *("python examples/none.py", "python examples/cross_tasks.py --no-such-option", "pip install 'interp[none]'"),
    ],
)
def test_a_command_that_could_not_work_is_found(line):
    with pytest.raises(BaseException):  # noqa: B017, PT011 - each checker has its own
        check(line)


def test_the_workflow_runs_what_is_there():
    """Every step is an action with a version, or a command that works; the same script as everywhere."""
    jobs = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert all("run" in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps)
    commands = [step["run"] for step in steps if "run" in step]
    assert "bash .ci/run" in commands
    for command in commands:
        check(command)


def test_hooks_before_a_commit_are_local_and_call_make():
    repos = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert {one["repo"] for one in repos} == {"local"}
    hooks = [hook for one in repos for hook in one["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    for hook in hooks:
        assert hook["entry"].startswith("make ")
        check(hook["entry"])


def test_every_target_explains_itself():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in listed.splitlines() if line.startswith("  make ")} >= TARGETS - {"help"}
