"""The kinds of run that a YAML can ask for with `study`, and how each is loaded, checked, run and reported.

What a kind needs is imported when it is used, so that `interp --help` and a typo in a YAML are quick. Other packages
register kinds of their own from a module that is named as an entry point (interp.configs.plugins).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from interp.configs.loading import AnyConfig, LoadedConfig, read, validate_as
from interp.configs.plugins import load_plugins
from interp.configs.registry import nearest
from interp.errors import UserError
from interp.report.methods import Methods
from interp.results import reading
from interp.results.run_folder import RunFolder
from interp.runs.checked import Checked
from interp.runs.lifecycle import Kept, report_again

if TYPE_CHECKING:
    from interp.runs.chapter import Chapter, Layout, Point, Write


@dataclass(frozen=True)
class RunKind:
    """One kind of run: what it does, and where its parts are, each as `module:name`.

    Args:
        line: what it does, for `interp list`.
        schema_at: a class derived from `interp.configs.loading.AnyConfig` with a literal `study`.
        run_at: `run(config, console, fresh)` -> path of the report; most call `interp.runs.lifecycle.carry_out`.
        kept_at: an `interp.runs.lifecycle.Kept`: the tables, and `publish`, which draws the report from them.
        check_at: `check(config, console)` for `interp validate`: prints what the run would do, UserError when it could not
            work; None: the schema is all that there is to check.
        explain_at: `explain(config)` -> `interp.report.methods.Methods`: the run in words before it runs, for `interp explain`;
            None: the line above.
        chapter_at: `chapter(points, layout)` -> `interp.runs.chapter.Chapter`: what many of its runs say in a sweep's report; by
            default every number that they conclude.
    """

    line: str
    schema_at: str
    run_at: str
    kept_at: str
    check_at: str | None = None
    explain_at: str | None = None
    chapter_at: str = "interp.runs.plain_chapter:chapter"

    @property
    def schema(self) -> type[AnyConfig]:
        """The pydantic class of its YAML."""
        return _found(self.schema_at)

    def run(self, config: LoadedConfig[Any], console: Console, fresh: bool = False) -> Path:
        """Run to the report; its path. What is finished is kept, unless `fresh`."""
        return _found(self.run_at)(config, console, fresh)

    def check(self, config: LoadedConfig[Any], console: Console) -> Checked:
        """Check without running; what was found, as plain data. UserError when the run could not work."""
        none = Checked()
        seen: Checked = none if self.check_at is None else _found(self.check_at)(config, console) or none
        console.print(f"{config.path}: the config is valid", highlight=False)
        return seen

    def explain(self, config: LoadedConfig[Any]) -> Methods:
        """What it would do, in the words of a methods section."""
        if self.explain_at is None:
            return Methods([f"{self.line}."])
        explain: Callable[[Any], Methods] = _found(self.explain_at)
        return explain(config.run)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that a finished run leaves."""
        kept: Kept = _found(self.kept_at)
        return kept.tables

    def concluded(self, folder: RunFolder) -> Mapping[str, object]:
        """What a finished run says, as plain data; Damaged where it cannot be read."""
        kept: Kept = _found(self.kept_at)
        return kept.concluded(folder)

    def chapter(self, points: Sequence[Point], layout: Layout) -> Chapter:
        """What many finished runs of this kind say together."""
        write: Write = _found(self.chapter_at)
        return write(points, layout)

    def publish(self, folder: RunFolder, console: Console) -> Path:
        """Draw the report of a finished run again; its path."""
        return report_again(folder, _found(self.kept_at), console)


class UnknownKind(UserError):
    """A kind of run that nothing has registered."""


class RunKinds:
    """Kinds of run by their name; names are taken once."""

    what = "kind of run"

    def __init__(self) -> None:
        self._kinds: dict[str, RunKind] = {}

    def register(self, name: str, kind: RunKind) -> None:
        """File a kind under the name that a YAML's `study` gives. Raises ValueError when it is taken."""
        taken = self._kinds.get(name)
        if taken is not None and taken != kind:
            raise ValueError(f"{self.what} {name!r} is registered twice: {taken.schema_at} and {kind.schema_at}")
        self._kinds[name] = kind

    def __getitem__(self, name: str) -> RunKind:
        if name not in self._kinds:
            load_plugins()
        if name not in self._kinds:
            raise UnknownKind(f"there is no {name!r}; {nearest(name, self._kinds)}")
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        load_plugins()
        return iter(sorted(self._kinds))

    def describe(self) -> dict[str, str]:
        """Name -> one line."""
        return {name: self[name].line for name in self}

    def kinds_of(self, module: str) -> list[str]:
        """The kinds whose schema stands in a module, or in one inside it."""
        return [name for name in self if f"{self[name].schema_at.split(':')[0]}.".startswith(f"{module}.")]


run_kinds = RunKinds()


def _ours(
    name: str, line: str, schema_at: str, folder: str, checked: bool = True, chapter: str = "chapter:chapter"
) -> None:
    here = f"interp.runs.{folder}"
    check_at = f"{here}.dry_run:describe" if checked else None
    kind = RunKind(
        line,
        schema_at,
        f"{here}.run:run",
        f"{here}.publish:KEPT",
        check_at,
        f"{here}.methods:explain",
        f"{here}.{chapter}",
    )
    run_kinds.register(name, kind)


_ours(
    "circuit",
    "Probes on one model (the default)",
    "interp.runs.circuit.config:RunConfig",
    "circuit",
    chapter="chapter.write:chapter",
)
_ours(
    "comparison",
    "The same probes on two models, paired",
    "interp.runs.comparison.config:ComparisonConfig",
    "comparison",
)
_ours("sparsify", "Make a model's attention sparse", "interp.sparsify.config:SparsifyConfig", "sparsify")
_ours(
    "toy_addition",
    "Learn two-digit addition, dense and sparse",
    "interp.runs.toy.config:ToyConfig",
    "toy",
    checked=False,
)


def load_any(path: Path, overrides: Sequence[str] = ()) -> tuple[RunKind, LoadedConfig[Any]]:
    """A YAML of any kind, validated; every mistake is a UserError that names the field."""
    data, text = read(path, overrides)
    kind = kind_of(data, str(path))
    return kind, LoadedConfig(validate_as(kind.schema, data, str(path)), path, text, tuple(overrides))


def kind_of(data: Mapping[str, object], where: str) -> RunKind:
    """The kind of a config; UserError for an unknown one, and for a sweep, which is many runs."""
    if "sweep" in data:
        raise UserError(
            f"{where} has a `sweep` section, so it is many runs: interp sweep plan, or interp sweep run (docs/sweeps.md)"
        )
    name = data.get("study", "circuit")
    try:
        return run_kinds[name if isinstance(name, str) else repr(name)]
    except UnknownKind as error:
        raise UserError(f"{where}: study: {error}") from None


def publish_any(path: Path, console: Console) -> Path:
    """Draw the report of a finished run of any kind again."""
    with RunFolder.existing(path) as folder:
        resolved = reading.read_yaml(folder.path / "config.resolved.yaml")
        path = folder.path
        if "sweep" in resolved:
            raise UserError(
                f"{path} is the folder of a sweep, which is many runs; its report is drawn again by: interp sweep collect {path}"
            )
        return kind_of(resolved, str(path)).publish(folder, console)


def _found(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
