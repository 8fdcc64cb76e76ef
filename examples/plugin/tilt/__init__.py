"""One file for each kind; importing the package registers them all (see docs/plugins.md)."""

from tilt import figure, kind_of_run, metric, model_source, probe, recipe, task

__all__ = ["figure", "kind_of_run", "metric", "model_source", "probe", "recipe", "task"]
