"""Recipes: one file a study. The library finds them by entry point; importing this package registers them."""

from experiments import key_query_circuit, overview

__all__ = ["key_query_circuit", "overview"]
