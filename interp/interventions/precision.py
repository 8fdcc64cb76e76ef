"""What is computed in float32 whatever precision a model's weights have."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

Values = TypeVar("Values", Tensor, None)


def wide(values: Values) -> Values:
    """The values in float32 when they are in half precision, where numbers near 10 are multiples of 1/16; None stays None."""
    if isinstance(values, Tensor) and values.dtype in (torch.float16, torch.bfloat16):
        return values.float()
    return values
