"""What checks annotations while the tests run: beartype, in the rooms below; shapes by jaxtyping.

Every function, method and dataclass of the rooms below is decorated as it is imported. A call is then held against its
annotations: of a container one item, drawn by chance, is looked at, so that a check takes microseconds however much is handed
over. Where an annotation names an array, jaxtyping holds the shapes of the call against each other, too (`head` is one number
in all of them). That takes a tenth of a millisecond, so in every test the first thirty calls of such a function are checked,
and then every twentieth: a whole run calls some of them thirty thousand times.

A name that a module imports under `if TYPE_CHECKING:` alone is looked up when a call first needs it, from the module that it
would have come from. beartype takes an int where a float is wanted, as Python's typing does.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, get_args

from beartype import BeartypeConf, FrozenDict, beartype
from jaxtyping import AbstractArray, jaxtyped
from pydantic import ValidationInfo

PACKAGE, LATE = "interp", "__late__"
ROOMS = (
    *("analysis", "cli", "configs", "errors", "figures", "interventions", "measure", "metrics", "models", "probes"),
    *("prompts", "report", "results", "runs", "shelf", "sparsify", "sweep", "words"),
)
# `api` never: a notebook hands over anything, a sentence of that room says what is wrong with it, and its tests do nothing else.
ALL_OF_THE_FIRST = 30
THEN_ONE_IN = 20
# pydantic hands over an object of Rust's where its annotation names a protocol that cannot be asked for.
AS_TYPING = BeartypeConf(
    is_pep484_tower=True,
    warning_cls_on_decorator_exception=None,
    hint_overrides=FrozenDict({ValidationInfo: Any}),
)
NAME = re.compile(r"\w+")
LEFT_OUT = {
    "interp.measure.study.Study.select": "a sentence of its own says what is wrong with a word that a notebook hands on",
    "interp.models.gated_attention.Gate.__init__": "the same, of a kind of gate",
    "interp.models.sparse_attention.GateRule.__init__": "the same",
    "interp.models.sparse_checkpoint.SparseCheckpoint.__init__": "the same",
    "interp.cli.entry._unraisable": "the type of its argument has a name in mypy's stubs alone",
    "interp.cli.shared.interruptible.<locals>.caught": "beartype does not know P.args and P.kwargs as text",
}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, held against its annotations at every call."""
    if _left_out(f"{function.__module__}.{function.__qualname__}"):
        return function
    with _other_packages(function.__globals__):
        typed = beartype(conf=AS_TYPING)(function)
    return _sampled(jaxtyped(typechecker=None)(typed), function) if _names_an_array(function) else typed


def checked_fields(made: type) -> type:
    """The class, held against its fields' annotations whenever one is made, where it is a dataclass."""
    if "__dataclass_fields__" in vars(made) and dataclasses.fields(made) and "__init__" in vars(made):
        hints = made.__init__.__annotations__
        # Of an inherited field the annotation is text still, whose names are those of another module.
        for base in reversed(made.__mro__[1:]):
            home = vars(sys.modules[base.__module__])
            if LATE in home and base.__module__ != made.__module__:
                inherited = hints.keys() & vars(base).get("__annotations__", {}).keys()
                hints.update({name: eval(base.__annotations__[name], home, _Late(home[LATE])) for name in inherited})
        made.__init__ = checked(made.__init__)  # type: ignore[misc]
    return made


_test = 0


def begin_test() -> None:
    """Count calls anew: what is checked in a test does not depend on the tests before it."""
    global _test
    _test += 1


def _sampled(whole: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """`whole` on the first calls in a test and on some of the others, else `plain`."""
    test, calls = 0, 0

    @functools.wraps(whole)
    def sampled(*args: Any, **kwargs: Any) -> Any:
        nonlocal test, calls
        if test != _test:
            test, calls = _test, 0
        calls += 1
        if calls > ALL_OF_THE_FIRST and calls % THEN_ONE_IN:
            return plain(*args, **kwargs)
        return whole(*args, **kwargs)

    return sampled


def _left_out(name: str) -> bool:
    return any(f"{name}.".startswith(f"{left}.") for left in LEFT_OUT)


@contextmanager
def _other_packages(names: dict[str, Any]) -> Iterator[None]:
    """Inside, a module knows what it imports from other packages for its annotations alone."""
    known = _Late(names.get(LATE, {}))
    late = {name: known[name] for name, (module, _) in known.items() if module.split(".")[0] != PACKAGE}
    added = late.keys() - names.keys()
    names.update({name: late[name] for name in added})
    yield
    for name in added:
        del names[name]


class _Late(dict[str, tuple[str, str]]):
    """What a module imports for its annotations alone, by name; anything at all where that is not to be had yet."""

    def __getitem__(self, name: str) -> Any:
        try:
            return _imported(*super().__getitem__(name))
        except (AttributeError, ImportError):
            return Any


def _imported(module: str, attribute: str) -> Any:
    return getattr(import_module(module), attribute) if attribute else import_module(module)


def _names_an_array(function: Callable[..., Any]) -> bool:
    hints: list[object] = []
    for hint in function.__annotations__.values():
        hints += [function.__globals__.get(name) for name in NAME.findall(hint)] if isinstance(hint, str) else [hint]
    return any(map(_holds_an_array, hints))


def _holds_an_array(hint: object) -> bool:
    if isinstance(hint, type) and (issubclass(hint, AbstractArray) or hint.__module__ == "jaxtyping"):
        return True
    return any(_holds_an_array(part) for part in get_args(hint))


class _Decorate(ast.NodeTransformer):
    """Puts the two decorators above on everything."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list.append(_named("checked", node))  # innermost: the others see a function that is checked
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.decorator_list.insert(0, _named("checked_fields", node))  # outermost: after @dataclass
        return node


def _named(decorator: str, node: ast.FunctionDef | ast.ClassDef) -> ast.expr:
    found = ast.parse(f"__import__('sys').modules[{__name__!r}].{decorator}", mode="eval").body
    for part in ast.walk(found):
        ast.copy_location(part, node)
    return found


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = _Decorate().visit(ast.parse(self.get_data(path), path))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        late = vars(module)[LATE] = _late_names(ast.parse(self.get_data(self.path)))

        def comes_late(name: str) -> Any:
            if name not in late:
                raise AttributeError(name)
            return _imported(*late[name])

        if late:
            module.__getattr__ = comes_late  # type: ignore[method-assign]
        super().exec_module(module)


def _late_names(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Name -> (module, attribute) of what is imported under TYPE_CHECKING alone."""
    late = {}
    for block in tree.body:
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
            for line in block.body:
                if isinstance(line, ast.ImportFrom) and line.module:
                    late |= {alias.asname or alias.name: (line.module, alias.name) for alias in line.names}
                elif isinstance(line, ast.Import):
                    late |= {alias.asname or alias.name: (alias.name, "") for alias in line.names}
    return late


class Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != PACKAGE or rest.split(".")[0] not in ROOMS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


def install() -> None:
    """Check the modules of these rooms that are imported from now on."""
    sys.meta_path.insert(0, Finder())
