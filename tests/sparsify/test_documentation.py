"""English out of docstrings: what counts, what does not, and a package that is not there."""

from __future__ import annotations

import pytest

from interp.errors import UserError
from interp.sparsify import documentation
from interp.sparsify.documentation import english, paragraphs

GOOD = "The town lies where two rivers meet, and people cross it on foot."


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (GOOD, [GOOD]),
        (f"{GOOD}\n\n{GOOD.lower()}", [GOOD]),
        ("The town `lies` where two :class:`~a.rivers` meet, and people cross it on foot.",
         ["The town lies where two a.rivers meet, and people cross it on foot."]),
        ("Too short a sentence.", []),
        ("x : int\n    The number of rivers that are looked at in the town", []),
        ("The result is x = f(a, b) + g[c] * 3 - 4 / q9 and no words.", []),
        (">>> import this and that and the other thing or else nothing.", []),
    ],
)  # fmt: skip
def test_what_counts_as_english(docstring, expected):
    assert list(english(docstring)) == expected


def test_files_are_parsed_and_never_imported(tmp_path, monkeypatch):
    package = tmp_path / "pack"
    (package / "tests").mkdir(parents=True)
    (package / "a.py").write_text(f'"""{GOOD}"""\nraise SystemExit\ndef f():\n    """{GOOD} Twice over."""\n')
    (package / "b.py").write_text(f'"""{GOOD}"""\n')
    (package / "broken.py").write_text("def (")
    (package / "tests" / "c.py").write_text(f'"""{GOOD} In a test."""\n')
    monkeypatch.setattr(
        documentation.sysconfig, "get_paths", lambda: {"stdlib": str(package), "purelib": str(tmp_path)}
    )
    for name in ("pack", "stdlib"):
        assert list(paragraphs((name,))) == [GOOD, f"{GOOD} Twice over."]
    with pytest.raises(UserError, match="there is no package 'nothing'"):
        list(paragraphs(("nothing",)))
