"""pyvene: an IntervenableModel a layer, called once a cell.

Its tutorials on patching (Nested_Intervention, Causal_Tracing) make one IntervenableModel for each layer and component
and loop over positions with `unit_locations`; so does this. Beyond the tutorials, in its favour: the clean run is not
repeated for every cell (`source_representations`), the model unembeds the last position only (`logits_to_keep`), and
everything runs in inference mode with Hugging Face's default attention. Components: `head_attention_value_output` for
heads and edges, `block_input` for the residual stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyvene
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.contestant import Contestant, mean_logit_diff
from benchmarks.rivals.hugging_face import CleanRun
from benchmarks.workloads import Cell

COMPONENTS = {
    "heads": ("head_attention_value_output", "h"),
    "heads_by_position": ("head_attention_value_output", "h.pos"),
    "resid_pre": ("block_input", "pos"),
    "edges": ("head_attention_value_output", "h.pos"),
}


class PyveneInterventions(Contestant):
    """One forward pass a cell."""

    name = "pyvene"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._hf = self.model.hf_for(self.name)
        self._layers: dict[int, Any] = {}

    @torch.inference_mode()
    def start(self) -> None:
        self._clean = CleanRun(self._hf, self.prompts.clean, self.workload.sweep)

    @torch.inference_mode()
    def run(self, numbers: Sequence[int]) -> Float[Tensor, " cell"]:
        return torch.stack([self._one(cell) for cell in self.workload.part(numbers).cells])

    def _one(self, cell: Cell) -> Float[Tensor, ""]:
        model = self._intervenable(cell.layer)
        value = self._clean.value(cell)
        # As pyvene gathers them: [prompt, head, pos, d_head] for heads, [prompt, pos, d_model] for the stream.
        value = value[:, None] if cell.head is None or cell.query is None else value[:, None, None]
        (key,) = model.sorted_keys
        tokens = getattr(self.prompts, self.workload.base)
        out = model(
            {"input_ids": tokens, "logits_to_keep": 1},
            unit_locations={"sources->base": (None, self._where(cell))},
            source_representations={key: value},
            use_cache=False,
        )[1]
        return mean_logit_diff(out.logits[:, -1], self.prompts)

    def _where(self, cell: Cell) -> Any:
        if cell.head is None:
            return cell.query
        rows = len(self.prompts)
        if cell.query is None:
            return [[[cell.head]] * rows]
        return [[[[cell.head]] * rows, [[cell.query]] * rows]]

    def _intervenable(self, layer: int) -> Any:
        if layer not in self._layers:
            component, unit = COMPONENTS[self.workload.sweep]
            config = pyvene.IntervenableConfig(
                representations=[pyvene.RepresentationConfig(layer, component, unit, 1)],
                intervention_types=pyvene.VanillaIntervention,
            )
            self._layers[layer] = pyvene.IntervenableModel(config, self._hf)
        return self._layers[layer]
