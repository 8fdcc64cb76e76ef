"""Models whose circuit is known because it was put there by hand.

Attention only, no normalisation. The residual stream holds one-hot tokens, one-hot positions, a middle channel and an
output channel, all side by side. A planted head looks from one position to another and copies the token it finds there
(or what the middle channel holds) to the output or the middle channel, times a gain. Everything is linear once the
attention is fixed, so effects can be worked out on paper: the answer's logit is the sum of the gains that reach the
query, and the foil's logit is 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from interp.interventions.cells import Dimensions
from interp.interventions.engine import Engine
from interp.measure.study import Study
from interp.metrics import LogitDiff
from interp.models.lens import has_hooked_transformer
from interp.models.token_ids import TokenIds
from interp.probes import Probe, Reading
from interp.prompts.book import PromptBook
from interp.prompts.encoder import Encoder
from interp.prompts.pairs import PromptPair, PromptSet

VOCAB, TOKENS, LAYERS, HEADS = 9, 6, 3, 4
KEY, QUERY = 2, 6  # people's positions
TOKEN, PLACE = slice(0, VOCAB), slice(VOCAB, VOCAB + TOKENS)
MIDDLE = slice(VOCAB + TOKENS, 2 * VOCAB + TOKENS)
OUTPUT = slice(2 * VOCAB + TOKENS, 3 * VOCAB + TOKENS)
SHARP = 40.0  # attention score of a planted pair; its softmax is 1 to within rounding


@dataclass(frozen=True)
class Plant:
    """A head that copies from `key` to `query` (people's positions) with a gain; `reads` and `writes` name channels."""

    layer: int
    head: int
    gain: float = 1.0
    key: int = KEY
    query: int = QUERY
    reads: slice = field(default_factory=lambda: TOKEN)
    writes: slice = field(default_factory=lambda: OUTPUT)


def planted_model(*plants: Plant, kv_heads: int | None = None) -> Any:
    """The model; with `kv_heads`, query heads share keys and values in groups."""
    if not has_hooked_transformer():
        pytest.skip("TransformerLens 4 has no blocks of its own to plant heads in")
    from transformer_lens import HookedTransformer, HookedTransformerConfig

    width = 3 * VOCAB + TOKENS
    cfg = HookedTransformerConfig(
        **{"n_layers": LAYERS, "n_heads": HEADS, "d_model": width, "d_head": VOCAB + TOKENS, "d_vocab": VOCAB},
        **{"n_ctx": TOKENS, "attn_only": True, "normalization_type": None, "device": "cpu", "seed": 0},
        n_key_value_heads=kv_heads,
    )
    model = HookedTransformer(cfg)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
            parameter.requires_grad_(False)
        model.embed.W_E[:, TOKEN] = torch.eye(VOCAB)
        model.pos_embed.W_pos[:, PLACE] = torch.eye(TOKENS)
        model.unembed.W_U[OUTPUT] = torch.eye(VOCAB)
        for plant in plants:
            _put(model, plant, HEADS // (kv_heads or HEADS))
    return model.eval()


def _put(model: Any, plant: Plant, group: int) -> None:
    attention = model.blocks[plant.layer].attn
    keys, values = (attention._W_K, attention._W_V) if group > 1 else (attention.W_K, attention.W_V)
    kv_head = plant.head // group
    scale = (SHARP * model.cfg.d_head**0.5) ** 0.5
    attention.W_Q[plant.head, PLACE.start + plant.query - 1, 0] = scale
    keys[kv_head, PLACE.start + plant.key - 1, 0] = scale
    values[kv_head, plant.reads, :VOCAB] = torch.eye(VOCAB)
    attention.W_O[plant.head, :VOCAB, plant.writes] = plant.gain * torch.eye(VOCAB)


def planted_prompts(n_prompts: int = 6) -> PromptSet:
    """Prompts whose answer is the token at the key; the corrupted prompt has another token there."""
    generator = torch.Generator().manual_seed(3)
    clean = torch.randint(0, VOCAB, (n_prompts, TOKENS), generator=generator)
    clean[:, KEY - 1] = torch.arange(n_prompts) % VOCAB
    corrupted = clean.clone()
    corrupted[:, KEY - 1] = (clean[:, KEY - 1] + 1) % VOCAB
    words = tuple(tuple(str(token) for token in row) for row in clean.tolist())
    return PromptSet(
        name="t0",
        pairs=tuple(
            PromptPair(f"c{i}", f"x{i}", str(int(here)), str(int(there)), "t", f"pair{i}", focus=i == 0)
            for i, (here, there) in enumerate(zip(clean[:, KEY - 1], corrupted[:, KEY - 1], strict=True))
        ),
        prompts=tuple(range(n_prompts)),
        clean=clean,
        corrupted=corrupted,
        answer=clean[:, KEY - 1],
        foil=corrupted[:, KEY - 1],
        clean_tokens=words,
        corrupted_tokens=words,
        roles={"key": (KEY,), "query": (QUERY,)},
        bos=0,
    )


def study_of(model: Any, *probes: Probe, n_prompts: int = 6) -> Study:
    """A study on planted prompts."""
    return Study(
        model="planted",
        sizes=Dimensions.of(model.cfg),
        running=Engine(model),
        book=PromptBook((planted_prompts(n_prompts),), ()),
        metric=LogitDiff(),
        encoder=Encoder(TokenIds(VOCAB), prepend_bos=False),
        min_gap=0.1,
        probes={probe.label: probe for probe in probes},
    )


READING = Reading(seed=0, confidence=0.95, n_resamples=200, share_target=0.8, share_definition="joint")


def findings(study: Study) -> dict:
    """Run all probes of a study in order; label -> what it concluded."""
    for label, probe in study.probes.items():
        effects = probe.run(study)
        effects["probe"] = label
        study.tables[label] = effects
        study.findings[label] = probe.concluded(effects, study, READING)
    return {label: found.plain() for label, found in study.findings.items()}
