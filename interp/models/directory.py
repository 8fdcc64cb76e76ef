"""A local Hugging Face directory -> Hugging Face model and tokenizer. Only safetensors, never pickles or remote code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from interp.errors import UserError
from interp.models.quiet import quiet_transformers


def read_config(folder: Path) -> Any:
    """The Hugging Face config; UserError when the folder holds no model."""
    from transformers import AutoConfig

    if not folder.is_dir():
        raise UserError(f"model.path: there is no directory {folder}")
    if not (folder / "config.json").is_file():
        raise UserError(f"model.path: {folder} holds no config.json, so it is no Hugging Face model directory")
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(f"model.path: {folder / 'config.json'} cannot be read: {_first_line(error)}") from None


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer; UserError when it is missing or empty."""
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json", "vocab.json")):
        raise UserError(f"model.path: {folder} holds no tokenizer (tokenizer.json is missing)")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(f"model.path: the tokenizer in {folder} cannot be read: {_first_line(error)}") from None
    # transformers can build a tokenizer without a vocabulary and say nothing.
    if len(tokenizer) < 2 or not tokenizer("a b", add_special_tokens=False)["input_ids"]:
        raise UserError(f"model.path: the tokenizer in {folder} is empty (it has {len(tokenizer)} tokens)")
    return tokenizer


def read_model(folder: Path, config: Any, dtype: torch.dtype) -> Any:
    """The Hugging Face model in eval mode; UserError when there are no whole safetensors."""
    from transformers import AutoModelForCausalLM

    if not list(folder.glob("*.safetensors")):
        pickled = any(folder.glob("*.bin"))
        raise UserError(
            f"model.path: {folder} holds no safetensors"
            + (", only pickled weights, which are never loaded because they can run code" if pickled else "")
        )
    try:
        with quiet_transformers():
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                attn_implementation="eager",
                output_loading_info=True,
            )
    except Exception as error:  # safetensors and transformers raise many kinds for a damaged file
        raise UserError(f"model.path: the weights in {folder} cannot be read: {_first_line(error)}") from None
    absent = sorted(set(report["missing_keys"]) | {str(key) for key in report.get("mismatched_keys", ())})
    if absent:
        raise UserError(
            f"model.path: the weights in {folder} are incomplete: {', '.join(absent[:3])} are missing or misshaped"
        )
    return model.eval()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
