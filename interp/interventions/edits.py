"""What can be done to a forward pass, as plain data.

An `Edit` replaces one activation; a `Variant` is a set of edits applied in one forward pass (docs/definitions.md, Effects).
Positions are people's (from 1, BOS not counted) or the name of a role, so one variant fits every template.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from interp.configs.literals import check_literal
from interp.errors import BadValue
from interp.prompts.pairs import Position

ResidualSite = Literal["resid_pre", "resid_mid", "attn_out", "mlp_out"]
HeadSite = Literal["z", "q", "k", "v", "pattern"]
Site = Literal[ResidualSite, HeadSite, "edge"]
Source = Literal["zero", "mean", "resample", "clean", "corrupted"]
Reference = Literal["clean", "corrupted"]
Run = Literal["clean", "corrupted"]

KEY_SIDE: frozenset[str] = frozenset({"k", "v"})
RESIDUAL: frozenset[str] = frozenset(get_args(ResidualSite))
SITES: tuple[str, ...] = (*get_args(ResidualSite), *get_args(HeadSite), "edge")


@dataclass(frozen=True)
class Edit:
    """Replace one activation by another value.

    site    resid_pre, resid_mid, attn_out, mlp_out: the vector at position `query`;
            z, q: the vector of `head` at `query`; k, v: that of key-value head `head` at position `key`;
            pattern: the attention weight of `head` from `query` to `key` (the row is not renormalised);
            edge: the value-weighted term w_qk v_k that `head` carries from `key` to `query`, and nothing else.
    head    None stands for all heads. On a model with grouped queries, an edge belongs to a query head.
    query, key  people's position, role name, or None for all positions.
    source  zero; mean or resample over the prompts of the same template (`reference` says of which run);
            or the value of the clean or corrupted run of the same prompt pair.
    """

    site: Site
    layer: int
    head: int | None = None
    query: Position | None = None
    key: Position | None = None
    source: Source = "zero"
    reference: Reference = "clean"

    def __post_init__(self) -> None:
        for name in ("layer", "head", "query", "key"):
            object.__setattr__(self, name, _place(name, getattr(self, name)))
        check_literal(self.site, Site, "site")
        check_literal(self.source, Source, "source")
        check_literal(self.reference, Reference, "reference")
        if self.site in RESIDUAL and (self.head is not None or self.key is not None):
            raise BadValue(f"site {self.site} has neither head nor key: {self}")
        if self.site in KEY_SIDE and self.query is not None:
            raise BadValue(f"site {self.site} is edited at a key position: {self}")
        if self.site in ("z", "q") and self.key is not None:
            raise BadValue(f"site {self.site} is edited at a query position: {self}")


@dataclass(frozen=True)
class Variant:
    """Edits applied together in one forward pass of the `base` run; the other fields become columns of the table.

    What two edits replace alike counts once; UserError, when it is measured, for two values of one activation.

    `part` names a sub-table of the probe, `group` a token group, `n_kept` a point of the joint curve, `layer` a point
    of a curve over layers. Layer, head, site and positions of a variant with a single edit come from that edit.
    """

    edits: tuple[Edit, ...]
    base: Run = "clean"
    part: str = ""
    group: str = ""
    n_kept: int | None = None
    layer: int | None = None

    def __post_init__(self) -> None:
        check_literal(self.base, Run, "base run")
        if not isinstance(self.edits, tuple) or not all(isinstance(edit, Edit) for edit in self.edits):
            raise BadValue(f"a variant takes a tuple of Edits, not {self.edits!r}")

    @classmethod
    def of(cls, edit: Edit, base: Run = "clean", part: str = "", group: str = "") -> Variant:
        """A variant of one edit."""
        return cls((edit,), base=base, part=part, group=group)

    @property
    def only(self) -> Edit | None:
        """The edit of a variant that has one; a point of the joint curve with one edit left is still about a set."""
        return self.edits[0] if len(self.edits) == 1 and self.n_kept is None else None

    @property
    def names(self) -> dict[str, object]:
        """What tables know a variant by: rows with equal names are summarised as one."""
        only = self.only
        sources = {edit.source for edit in self.edits}
        return {
            "part": self.part,
            "base": self.base,
            "group": self.group,
            "n_kept": self.n_kept,
            "source": sources.pop() if len(sources) == 1 else "",
            "site": only.site if only else "",
            "layer": only.layer if only else self.layer,
            "head": only.head if only else None,
            "query_label": _text(only.query) if only else "",
            "key_label": _text(only.key) if only else "",
        }


def _place(name: str, given: Any) -> Position | None:
    """A layer, head or position as a plain number, numpy's included; a role may stand for a position."""
    if type(given) is int or (given is None and name != "layer"):
        return given
    if isinstance(given, str) and name in ("query", "key"):
        return given
    try:
        if isinstance(given, bool):
            raise TypeError
        return operator.index(given)
    except TypeError:
        role = ", or the name of a role" if name in ("query", "key") else ""
        raise BadValue(f"{name} must be a whole number{role}, not {given!r}") from None


def _text(position: Position | None) -> str:
    return "" if position is None else str(position)
