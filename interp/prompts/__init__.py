"""Prompt pairs, roles and positions, and the tasks that make them."""

from interp.prompts.pairs import PromptPair, PromptSet
from interp.prompts.roles import RoleSpec
from interp.prompts.task import Task, tasks

__all__ = ["PromptPair", "PromptSet", "RoleSpec", "Task", "tasks"]

from interp.prompts import builtin, from_file, listed  # noqa: F401  (importing registers the tasks)
