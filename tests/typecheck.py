"""What checks annotations while the tests run: beartype, which takes an int where a float is wanted, as Python's typing does."""

from __future__ import annotations

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
