"""Plain data as the text of a YAML."""

from __future__ import annotations

import io
from collections.abc import Mapping

from ruamel.yaml import YAML


def yaml_of(data: Mapping[str, object]) -> str:
    """Text that reads back as the same data."""
    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 120
    writer.dump(data, text)
    return text.getvalue()
