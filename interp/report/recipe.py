"""What a recipe is: it turns the tables of a run into the sentences and the figure list of a report.

Recipes live outside the library (folder `experiments/`) and are found by entry point, as a stranger's package would be.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping

from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.figures.base import Figure
from interp.report.story import Story
from interp.results.tables import RunTables


class Recipe(Section, abc.ABC):
    """Which figures, and which sentences, computed from the run's tables."""

    kind: str

    def check(self, kinds: Mapping[str, str]) -> None:
        """UserError when a run with these probes (label -> kind) cannot feed the recipe."""

    @abc.abstractmethod
    def figures(self, tables: RunTables) -> list[Figure]:
        """The figures of the report, for runs whose YAML lists none."""

    @abc.abstractmethod
    def story(self, tables: RunTables, figures: list[str]) -> Story:
        """The report's sentences; `figures` are the stems of the figures that were drawn."""


recipes: Registry[Recipe] = Registry("recipe")
