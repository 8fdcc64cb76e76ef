"""nnsight: one trace a batch of cells, one invoke a cell.

Its recipe for activation patching caches the clean run once and batches cells as invokes of one trace ("batch a whole
layer's positions into one forward pass", docs/patterns/activation-patching.md); its performance notes say the same:
fewer traces. A head is edited at the input of the output projection (docs/patterns/per-head-attention.md). Beyond the
recipe, in its favour: invokes are added up to ROWS rows, which keeps both cores busy and more of them would not help; the
model unembeds the last position only (`logits_to_keep`); inference mode; Hugging Face's default attention. Not used:
`.skip()` of the blocks below the edit, which no recipe does for patching.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import nnsight
import torch
from jaxtyping import Float
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from benchmarks.contestant import Contestant, mean_logit_diff
from benchmarks.rivals.hugging_face import CleanRun, block, is_gpt2, output_projection

ROWS = 64


class NnsightTraces(Contestant):
    """Batches of cells, a forward pass a batch."""

    name = "nnsight"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._hf = self.model.hf_for(self.name)
        self._gpt2 = is_gpt2(self._hf)
        # Invokes are padded to one length by a tokenizer. Ours have one length, so any tokenizer with a padding token does.
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.WordLevel({"<pad>": 0}, unk_token="<pad>")), pad_token="<pad>"
        )
        self._wrapped = nnsight.TransformersModel(self._hf, task="text-generation", tokenizer=tokenizer)

    @property
    def cells_at_once(self) -> int:
        return max(1, ROWS // len(self.prompts))

    @torch.inference_mode()
    def start(self) -> None:
        self._clean = CleanRun(self._hf, self.prompts.clean, self.workload.sweep)

    @torch.inference_mode()
    def run(self, numbers: Sequence[int]) -> Float[Tensor, " cell"]:
        model, prompts = self._wrapped, self.prompts
        tokens = getattr(prompts, self.workload.base)
        mask = torch.ones_like(tokens)
        with model.trace(logits_to_keep=1, use_cache=False) as tracer:
            measured = nnsight.save([])
            for cell in self.workload.part(numbers).cells:
                value = self._clean.value(cell)
                with tracer.invoke(input_ids=tokens, attention_mask=mask):
                    if cell.head is None:
                        block(model, cell.layer, self._gpt2).input[:, cell.query] = value
                    else:
                        z = output_projection(model, cell.layer, self._gpt2).input
                        width = value.shape[-1]
                        place = slice(None) if cell.query is None else cell.query
                        z[:, place, cell.head * width : (cell.head + 1) * width] = value
                    measured.append(mean_logit_diff(model.lm_head.output[:, -1], prompts))
        return torch.stack(list(measured))
