"""Exact interventions: edits to a forward pass, and the engine that runs them."""

from interp.interventions.edits import Edit, Reference, Site, Source, Variant
from interp.interventions.engine import Engine

__all__ = ["Edit", "Engine", "Reference", "Site", "Source", "Variant"]
