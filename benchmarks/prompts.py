"""Prompt sets of random tokens: lengths, numbers and shared beginnings as asked for.

What a sweep costs depends on lengths and on where prompts and runs first differ, not on what the tokens say.
"""

from __future__ import annotations

import torch

from interp.prompts.pairs import PromptPair, PromptSet


def random_prompts(n_prompts: int, length: int, vocab: int, shared: bool, seed: int = 0) -> PromptSet:
    """Clean and corrupted prompts that differ in one token, the key; the query is the last token.

    shared: all prompts and both runs begin with the same `length // 2` tokens, as prompts of a template do, and the key
        follows. Otherwise the key is the first token, and prompts have nothing in common.
    """
    generator = torch.Generator().manual_seed(seed)
    clean = torch.randint(0, vocab, (n_prompts, length), generator=generator)
    key = length // 2 if shared else 0
    clean[:, :key] = clean[0, :key].clone()
    corrupted = clean.clone()
    # Another token than the clean one, whatever was drawn.
    corrupted[:, key] = (clean[:, key] + torch.randint(1, vocab, (n_prompts,), generator=generator)) % vocab
    answer = torch.randint(0, vocab, (n_prompts,), generator=generator)
    names = tuple(tuple(str(token) for token in row) for row in clean.tolist())
    return PromptSet(
        name=f"{n_prompts}x{length}",
        pairs=tuple(
            PromptPair(f"clean {i}", f"corrupted {i}", "answer", "foil", "random", f"pair {i}")
            for i in range(n_prompts)
        ),
        prompts=tuple(range(n_prompts)),
        clean=clean,
        corrupted=corrupted,
        answer=answer,
        foil=(answer + 1) % vocab,
        clean_tokens=names,
        corrupted_tokens=tuple(tuple(str(token) for token in row) for row in corrupted.tolist()),
        roles={"key": (key + 1,), "query": (length,)},
        bos=0,
    )
