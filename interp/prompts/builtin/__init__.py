"""The tasks that come with the package, one file each; importing it registers them."""

from interp.prompts.builtin import (  # noqa: F401
    agreement,
    antonyms,
    country_capital,
    docstring,
    gender,
    greater_than,
    induction,
    ioi,
)
