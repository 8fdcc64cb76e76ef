"""A local Hugging Face directory -> Hugging Face model and tokenizer. Only safetensors, never pickles or remote code.

transformers gets a config, tensors and tokenizer files that were looked at before; it never sees the folder itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from interp.configs.mistakes import in_words
from interp.errors import UserError
from interp.models.families import BY_TYPE
from interp.models.families.record import ConfigFile
from interp.models.files import named, one_line, read_mapping
from interp.models.quiet import quiet_transformers
from interp.models.tensors import Shapes, check_finite, check_fit, headers_in, stored_tensors, weight_files

TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "vocab.json")
# Buffers that older versions of transformers wrote beside the weights, and that are computed anew.
LEFTOVERS = re.compile(r"(^|\.)((attn|attention)\.(masked_)?bias|rotary_emb\.inv_freq|position_ids)$")
PRECISIONS = ("F32", "F16", "BF16", "F64")
LAYER = re.compile(r"(?:^|\.)(?:h|layers|blocks)\.(\d+)\.")


def read_config(folder: Path) -> Any:
    """The Hugging Face config; UserError when the folder holds no model, or a config.json that cannot be right."""
    if not folder.is_dir():
        raise UserError(f"model: there is no directory {folder}")
    path = folder / "config.json"
    if not path.is_file():
        raise UserError(f"model: {folder} holds no config.json, so it is no Hugging Face model directory")
    data = read_mapping(path, "model")
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = data.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise UserError(f"model: {path} has model_type {kind!r}, which transformers does not know without remote code")
    schema = BY_TYPE[kind].schema if kind in BY_TYPE else ConfigFile
    try:
        settings = schema.model_validate(data)
    except ValidationError as error:
        raise UserError(f"model: {path}: {'; '.join(in_words(error, data, schema))}") from None
    expected = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(kind)
    if expected and settings.architectures and settings.architectures[0] != expected:
        raise UserError(
            f"model: {path}: architectures {settings.architectures[0]!r} is not supported with model_type {kind!r}; it "
            f"would be {expected!r}"
        )
    try:
        with quiet_transformers():
            # Prompts are not padded, and torch refuses a pad token that only the tokenizer has.
            return CONFIG_MAPPING[kind].from_dict(data | {"pad_token_id": None})
    except Exception as error:  # its checks raise many kinds, and nothing but the file's contents can be wrong
        raise UserError(f"model: {path} cannot be read: {one_line(error)}") from None


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer; UserError when it is missing, damaged, or empty."""
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise UserError(f"model: {folder} holds no tokenizer (tokenizer.json is missing)")
    for name in (*TOKENIZERS, "special_tokens_map.json", "added_tokens.json"):
        if (folder / name).is_file():
            read_mapping(folder / name, "model")
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # transformers and tokenizers raise every kind, plain Exception included
        raise UserError(f"model: the tokenizer in {folder} cannot be read: {one_line(error)}") from None
    # transformers can build a tokenizer without a vocabulary and say nothing.
    ordinary = set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens)
    if not ordinary:
        raise UserError(
            f"model: the tokenizer in {folder} is empty (it has {len(tokenizer)} tokens, all of them special)"
        )
    return tokenizer


def check_weights(folder: Path, config: Any) -> list[Path]:
    """The safetensors of a folder, whose headers fit the config exactly; UserError when they do not. Reads no weights."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    files = weight_files(folder)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise UserError(f"model: {folder} holds a {config.model_type}, which is no model that predicts the next token")
    what = f"model: the weights in {folder}"
    headers = headers_in(files)
    _check_shapes(
        {name: header.shape for name, header in headers.items()},
        MODEL_FOR_CAUSAL_LM_MAPPING[type(config)],
        config,
        what,
    )
    kept = {name: header.dtype for name, header in headers.items() if not LEFTOVERS.search(name)}
    if integers := sorted(name for name, dtype in kept.items() if dtype not in PRECISIONS):
        raise UserError(f"{what} hold {named(integers)} in {kept[integers[0]]}; quantised weights are not read")
    return files


def read_model(folder: Path, config: Any, dtype: torch.dtype) -> Any:
    """The Hugging Face model in eval mode; UserError when the folder has no safetensors that fit the config exactly."""
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    what = f"model: the weights in {folder}"
    files = check_weights(folder, config)
    kind = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    # Some of a model's tensors may have to stay as they are; transformers knows which.
    all_alike = not kind._keep_in_fp32_modules and not kind._keep_in_fp32_modules_strict
    stored = stored_tensors(files, dtype if all_alike else None)
    state = {name: tensor for name, tensor in stored.items() if not LEFTOVERS.search(name)}
    try:
        with quiet_transformers(), _in_one_thread():
            model, report = kind.from_pretrained(
                None,
                config=config,
                state_dict=state,
                dtype=dtype,
                attn_implementation="eager",
                ignore_mismatched_sizes=True,  # they are refused below, by name
                output_loading_info=True,
            )
    except UserError:  # a tensor that could not be read
        raise
    except Exception as error:  # transformers raises many kinds for weights that it cannot place
        raise UserError(f"{what} cannot be read: {one_line(error)}") from None
    _check_report(report, what)
    check_finite(model.state_dict(), what)
    return model.eval()


@contextmanager
def _in_one_thread() -> Iterator[None]:
    """transformers reads weights in this thread: what others have allocated, the C library does not give to this one again."""
    name = "HF_DEACTIVATE_ASYNC_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _check_report(report: dict[str, Any], what: str) -> None:
    """What `_check_shapes` could not see: families whose tensors transformers renames or joins."""
    misshapen = {name: (tuple(wanted), tuple(stored)) for name, stored, wanted in report["mismatched_keys"]}
    absent = set(report["missing_keys"]) - misshapen.keys()
    expected = dict.fromkeys(absent, ()) | {name: wanted for name, (wanted, _) in misshapen.items()}
    strange = [name for name in report["unexpected_keys"] if not LEFTOVERS.search(name)]
    check_fit(expected, dict.fromkeys(strange, ()) | {name: stored for name, (_, stored) in misshapen.items()}, what)


def _check_shapes(given: Shapes, kind: Any, config: Any, what: str) -> None:
    """Hold the files' headers against the model that the config describes, before anything is allocated."""
    from transformers.conversion_mapping import get_model_conversion_mapping

    layers = {int(match[1]) for name in given if (match := LAYER.search(name))}
    if layers and max(layers) + 1 != config.num_hidden_layers:
        raise UserError(
            f"{what} have {max(layers) + 1} layers, but its config.json says {config.num_hidden_layers}; they do not fit"
        )
    with torch.device("meta"):
        skeleton = kind(config)
    if get_model_conversion_mapping(skeleton, add_legacy=False):
        return  # its tensors get their names while they are loaded; what they lack is told then
    expected = {name: tuple(tensor.shape) for name, tensor in skeleton.state_dict().items()}
    inner = f"{skeleton.base_model_prefix}."
    # A file of the model without its head has names without the prefix.
    bare = not any(name.startswith(inner) for name in given)
    called = {
        f"{inner}{name}" if bare and f"{inner}{name}" in expected else name: shape for name, shape in given.items()
    }
    called = {name: shape for name, shape in called.items() if name in expected or not LEFTOVERS.search(name)}
    tied = {name: expected[name] for name in skeleton.all_tied_weights_keys if name in expected}
    check_fit(expected, tied | called, what)
