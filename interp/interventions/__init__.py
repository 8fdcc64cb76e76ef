"""Exact interventions: edits to a forward pass, and the engine that runs them."""

from typing import TYPE_CHECKING, Any

from interp.interventions.edits import Edit, Reference, Site, Source, Variant

if TYPE_CHECKING:
    from interp.interventions.engine import Engine

__all__ = ["Edit", "Engine", "Reference", "Site", "Source", "Variant"]


def __getattr__(name: str) -> Any:
    """The engine is imported when it is used: a probe's settings need the edits alone."""
    if name == "Engine":
        from interp.interventions.engine import Engine

        return Engine
    raise AttributeError(name)
