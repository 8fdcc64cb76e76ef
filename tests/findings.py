"""Findings for tests: from the fields that a test is about, or changed in a run's tables."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from interp.analysis.findings import MeanFound
from interp.analysis.findings_of_run import Metrics
from interp.results.tables import RunTables

NEUTRAL = {int: 0, float: 0.0, str: "", bool: False, list: [], dict: {}}


def filled(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    """`given`, with every required field that is not there: null where it may be, else 0, an empty text, an empty list."""
    data = dict(given)
    for name, field in model.model_fields.items():
        if name in data:
            data[name] = _filled(field.annotation, data[name])
        elif field.is_required():
            data[name] = _filled(field.annotation, None)
    return data


def _filled(kind: Any, value: Any) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _filled(next(one for one in inner if one is not types.NoneType), value)
    if origin is list:
        return [_filled(inner[0], one) for one in value or ()]
    if origin is dict:
        return {name: _filled(inner[1], one) for name, one in (value or {}).items()}
    if origin is tuple and Ellipsis in inner:
        return list(value or ())
    if origin is tuple:
        return [_filled(one, mine) for one, mine in zip(inner, value or [None] * len(inner), strict=True)]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return filled(kind, value or {})
    return NEUTRAL.get(kind) if value is None else value


def estimate(mean: float, low: float | None = None, high: float | None = None) -> MeanFound:
    """A mean with its interval."""
    return MeanFound(mean=mean, low=low, high=high, sem=None, n=4, n_clusters=2)


def changed(tables: RunTables, change: Callable[[dict[str, Any]], Any]) -> RunTables:
    """Tables whose metrics.json `change` has written into."""
    metrics = tables.metrics.model_dump(mode="json", exclude_unset=True)
    change(metrics)
    return dataclasses.replace(tables, metrics=Metrics.model_validate(metrics))
