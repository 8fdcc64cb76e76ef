"""`python -m benchmarks.half`: how far effects with half-precision weights are from float32's, on SmolLM2 and four prompts."""

from __future__ import annotations

import numpy as np
import torch

import interp

WORDS = {"large": "small", "hot": "cold", "new": "old", "high": "low"}
PROMPT = 'The opposite of "{}" is "'


def effects(dtype: str) -> np.ndarray:
    """Of every head's output and of every key->query edge, each given its corrupted value, a prompt."""
    words, device = list(WORDS), "cuda" if torch.cuda.is_available() else "cpu"
    others = [*words[1:], words[0]]
    study = interp.study(
        interp.load("smollm2-135m-instruct", device=device, dtype=dtype),
        clean=[PROMPT.format(word) for word in words],
        corrupted=[PROMPT.format(word) for word in others],
        answer=[WORDS[word] for word in words],
        foil=[WORDS[word] for word in others],
    )
    asked = study.patch("z", by="head"), study.cut_edges(key=5, query=8)
    return np.concatenate([one["effect"].to_numpy() for one in asked])


def main() -> None:
    """Print the errors of bfloat16."""
    exact = effects("float32")
    error = np.abs(effects("bfloat16") - exact)
    print(
        f"bfloat16: {len(error):,} effects, the largest {np.abs(exact).max():.2f} logits; error: median "
        f"{np.median(error):.4f}, 95 % below {np.quantile(error, 0.95):.4f}, at most {error.max():.4f}"
    )


if __name__ == "__main__":
    main()
