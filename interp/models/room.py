"""How much memory may be filled with what could be computed again."""

from __future__ import annotations

import torch


def room(device: torch.device, on_cpu: int, part_of_gpu: float) -> int:
    """Bytes: a fixed number on a CPU, whose memory others use, too; a part of a GPU's whole memory."""
    if device.type != "cuda":
        return on_cpu
    return int(part_of_gpu * torch.cuda.get_device_properties(device).total_memory)
