"""Mappings of anything stand at the edges of the program: elsewhere a type says what is in them, so that mypy reads it, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "interp"
LOOSE = re.compile(r"\b[dD]ict\[str, Any\]")

# What is read from a file that somebody else may have written (YAML, JSON, a table of prompts), before it is validated.
READ = {
    "analysis/findings.py": 1,
    "api/runs.py": 3,
    "configs/loading.py": 5,
    "configs/yaml_text.py": 1,
    "models/adapter.py": 2,
    "models/directory.py": 1,
    "models/families/rope.py": 3,
    "models/files.py": 1,
    "models/sparse_checkpoint.py": 2,
    "prompts/tables.py": 2,
    "results/parts.py": 1,
    "results/reading.py": 3,
    "results/sealed.py": 1,
    "runs/circuit/config.py": 1,
    "runs/sparsify/tables.py": 1,
    "runs/task_page.py": 1,
    "shelf/entries.py": 1,
    "sparsify/checkpoint.py": 2,
    "sweep/config.py": 2,
    "sweep/expand.py": 3,
    "sweep/store.py": 2,
}
# Keyword arguments of other packages: of a model's config, a cluster's job, a template.
HANDED_ON = {
    "api/models.py": 1,
    "api/start.py": 1,
    "models/bridge.py": 1,
    "models/families/anatomy.py": 3,
    "models/families/decoder.py": 1,
    "models/load.py": 2,
    "models/stand_in.py": 1,
    "models/svd_adapter.py": 1,
    "report/render.py": 2,
    "sweep/executors/slurm.py": 2,
}
# What is written next: JSON for `--json`, a row of a table, the fields of a finding.
WRITTEN = {
    "probes/circuit_verdict.py": 1,
    "runs/chapter.py": 1,
    "runs/comparison/compare.py": 1,
    "runs/sparsify/publish.py": 1,
    "sweep/plan.py": 1,
}
MOST = READ | HANDED_ON | WRITTEN


def loose(package: Path) -> dict[str, int]:
    """Module -> lines with a mapping of anything."""
    lines = {
        path.relative_to(package).as_posix(): sum(1 for line in path.read_text().splitlines() if LOOSE.search(line))
        for path in package.rglob("*.py")
    }
    return {module: count for module, count in lines.items() if count}


def more_than(most: dict[str, int], now: dict[str, int]) -> list[str]:
    return sorted(f"{module}: {count}" for module, count in now.items() if count > most.get(module, 0))


def test_mappings_of_anything_are_no_more_than_these():
    now = loose(PACKAGE)
    assert more_than(MOST, now) == [], "say what the mapping holds: a dataclass, a pydantic model, a TypedDict"
    assert sorted(MOST.keys() - now.keys()) == [], "these are mended: take them off the list"


@pytest.mark.parametrize(
    ("line", "told"), [("rows: list[dict[str, Any]]", ["x.py: 1"]), ("rows: list[dict[str, object]]", [])]
)
def test_one_more_is_told(tmp_path, line, told):
    (tmp_path / "x.py").write_text(f"{line}\n")
    assert more_than(MOST, loose(tmp_path)) == told
