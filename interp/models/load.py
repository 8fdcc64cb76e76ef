"""From the `model` section of a config to a checked HookedTransformer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console

from interp.analysis.findings_of_run import ModelFound, Sizes, SparseFound
from interp.configs.paths import shown_path, user_path
from interp.errors import UserError
from interp.models.config import (
    USUAL_BIAS,
    BuiltModel,
    GateKind,
    HubModel,
    HuggingFaceSource,
    ModelSource,
    SparseModel,
)
from interp.models.info import LoadedModel
from interp.models.lens import has_hooked_transformer, needs_older
from interp.models.names import official_name


@dataclass(frozen=True)
class DenseModel:
    """A Hugging Face model in float32 with its tokenizer, name, origin, and the hash of its weights."""

    hf_model: Any
    tokenizer: Any
    name: str
    origin: str
    weights_sha256: str


def load_dense(config: ModelSource, console: Console | None = None) -> DenseModel:
    """The Hugging Face model behind a config, for training; UserError as in `load_model`."""
    console = console or Console(quiet=True)
    fetched = _hugging_face(config).fetch(console)
    folder, name, origin = fetched.folder, fetched.name, fetched.origin
    import torch

    from interp.models.check import weights_sha256
    from interp.models.directory import read_config, read_model, read_tokenizer

    with console.status(f"loading {name}"):
        hf_model = read_model(folder, read_config(folder), torch.float32)
        return DenseModel(hf_model, read_tokenizer(folder), name, origin, weights_sha256(hf_model))


def load_model(config: ModelSource, console: Console | None = None, prompt: str | None = None) -> LoadedModel:
    """Fetch, convert and check a model; every load holds its logits against Hugging Face's, on `prompt` where one is given.

    Raises UserError for a model that is missing, damaged, unsupported, or that does not agree with Hugging Face.
    """
    console = console or Console(quiet=True)
    if isinstance(config, BuiltModel):
        return _built(config)
    config = _hugging_face(config)
    _refuse_gate(config)
    # First, because it is quick to say no and the imports are not.
    fetched = config.fetch(console)
    folder, name, origin = fetched.folder, fetched.name, fetched.origin
    import torch

    from interp.models.by_transformer_lens import hooked_by_transformer_lens, sizes_of_hooked
    from interp.models.check import logits_difference, reference_logits, weights_sha256
    from interp.models.convert import hooked_transformer, sizes_of
    from interp.models.directory import read_config, read_model, read_tokenizer
    from interp.models.heap import give_back

    with console.status(f"loading {name}"):
        hf_config, tokenizer = read_config(folder), read_tokenizer(folder)
        official = _in_transformer_lens(config, hf_config)
        if official is None:
            sizes_of(hf_config, name)  # refuses other families before their weights are read
        dtype, device = getattr(torch, config.dtype), device_of(config.device)
        hf_model = read_model(folder, hf_config, dtype if config.sparse is None else torch.float32)
        # Before the conversion, which may share tensors with the Hugging Face model.
        weights_hash = weights_sha256(hf_model)
        sparse: GateFacts | None = None
        processing = config.processing
        if config.sparse is not None:
            hf_model, sparse = _made_sparse(hf_model, config.sparse, weights_hash)
            hf_model = hf_model.to(dtype)
            # It assumes that attention rows sum to 1, which a gate undoes.
            processing = processing.model_copy(update={"fold_value_biases": False})
        reference = reference_logits(hf_model, tokenizer, prompt)
        if official is not None:
            hooked, applied = hooked_by_transformer_lens(official, hf_model, tokenizer, processing, dtype, device)
            sizes = sizes_of_hooked(hooked, type(hf_model).__name__, name)
        else:
            hooked, applied = hooked_transformer(hf_model, processing, dtype, device, name)
            sizes = sizes_of(hf_config, name)
        if sparse is not None and sparse.opened:
            sizes = sizes.model_copy(update={"name": f"{sizes.name} (sparse, gates open)"})
        elif sparse is not None:
            from interp.models.sparse_attention import install_gate

            install_gate(hooked, sparse.bias, sparse.kind, sparse.head_bias, sparse.first_bias)
            sizes = sizes.model_copy(update={"name": f"{sizes.name} (sparse)"})
        give_back()
        hooked.value_biases_folded = applied["fold_value_biases"]
        difference = logits_difference(reference, hooked, config.dtype, applied["center_unembed"])
        info = ModelFound(
            **sizes.plain(),
            source=config.source,
            origin=origin,
            dtype=config.dtype,
            device=device,
            prepend_bos=config.prepend_bos,
            processing=applied,
            weights_sha256=weights_hash,
            sparse=None if sparse is None else sparse.recorded(),
            checked_prompt=reference.text,
            logits_max_abs_diff=difference,
        )
    return LoadedModel(hooked, tokenizer, info)


def _refuse_gate(config: HuggingFaceSource) -> None:
    """A gate is put into TransformerLens' own attention, which the line without HookedTransformer does not have."""
    if config.sparse is not None and not config.sparse.opened and not has_hooked_transformer():
        raise needs_older("model.sparse: a model with shut attention edges cannot be analysed on TransformerLens 4")


def _in_transformer_lens(config: HuggingFaceSource, hf_config: Any) -> str | None:
    """The name under which TransformerLens builds a model that has no record of its family here; None where it has one."""
    from interp.models.families import supported, transformer_lens_name

    if supported(hf_config):
        return None
    return official_name(config.name) if isinstance(config, HubModel) else transformer_lens_name(hf_config)


def _made_sparse(hf_model: Any, config: SparseModel, weights_hash: str) -> tuple[Any, GateFacts]:
    """The Hugging Face model with its checkpoint merged in and its gate attached, and what the gate is."""
    from interp.models.gated_attention import Gate, attach, set_head_bias
    from interp.models.sparse_checkpoint import head_biases_for, merged, read_checkpoint

    kind: GateKind = config.gate or "score"
    bias, trained = USUAL_BIAS[kind] if config.bias is None else config.bias, None
    head_bias = first_bias = None
    if config.checkpoint is not None:
        folder = user_path(config.checkpoint, "model.sparse.checkpoint")
        about = read_checkpoint(folder)
        if config.gate is not None and config.gate != about.gate:
            raise UserError(
                f"model.sparse.gate: the checkpoint {folder} was trained with the gate {about.gate!r}; leave gate out"
            )
        hf_model = merged(hf_model, folder, weights_hash)
        kind, trained = about.gate, about.trained
        bias = about.bias if config.bias is None else config.bias
        shape = hf_model.config.num_hidden_layers, hf_model.config.num_attention_heads
        head_bias, first_bias = head_biases_for(about, folder, *shape)
        if config.opened:
            return hf_model, GateFacts(kind, bias, None, None, shown_path(config.checkpoint), None, opened=True)
    gate = Gate(bias, kind)
    attach(hf_model, gate)
    set_head_bias(hf_model, head_bias, first_bias)
    gate.mode = "infer"
    where = config.checkpoint and shown_path(config.checkpoint)
    return hf_model, GateFacts(kind, bias, head_bias, first_bias, where, trained)


@dataclass(frozen=True)
class GateFacts:
    """The gate of a loaded model: kind, bias of all heads, biases of single heads and for their first key, checkpoint.

    `opened`: the model has the checkpoint's weights and no gate.
    """

    kind: GateKind
    bias: float
    head_bias: Any
    first_bias: Any
    checkpoint: str | None
    trained: dict[str, Any] | None
    opened: bool = False

    def recorded(self) -> SparseFound:
        """What a manifest says of it; biases of heads as their range, for the checkpoint has them all."""
        if self.opened:  # what was measured with the gates says nothing of this model
            return SparseFound(opened=True, checkpoint=self.checkpoint)
        facts: dict[str, Any] = {"gate": self.kind, "bias": self.bias, "checkpoint": self.checkpoint}
        for name, biases in (("head_bias_range", self.head_bias), ("first_bias_range", self.first_bias)):
            if biases is not None and bool(biases.any()):
                facts[name] = (float(biases.min()), float(biases.max()))
        if self.trained is not None:
            facts["trained"] = self.trained
        return SparseFound.model_validate(facts)


def model_dimensions(config: ModelSource) -> tuple[Sizes, Any] | None:
    """Sizes and tokenizer without the weights; None when they are not on this machine, or need the weights.

    Raises UserError for whatever of `load_model`'s complaints can be seen in configs and in the headers of the weights.
    """
    from interp.models.convert import sizes_of
    from interp.models.directory import check_weights, read_config, read_tokenizer
    from interp.models.sparse_checkpoint import look

    if isinstance(config, BuiltModel):
        built = _built(config)
        return built.info, built.tokenizer
    _refuse_gate(_hugging_face(config))
    place = _hugging_face(config).on_this_machine()
    if place is None:
        return None
    folder, name = place
    hf_config = read_config(folder)
    ours = _in_transformer_lens(_hugging_face(config), hf_config) is None
    sizes = sizes_of(hf_config, name) if ours else None
    tokenizer = read_tokenizer(folder)
    check_weights(folder, hf_config)
    sparse = _hugging_face(config).sparse
    if sparse is not None and sparse.checkpoint is not None:
        look(user_path(sparse.checkpoint, "model.sparse.checkpoint"))
    # Of other families only TransformerLens' loader, which wants the weights, knows the sizes.
    return None if sizes is None else (sizes, tokenizer)


def _built(config: BuiltModel) -> LoadedModel:
    """A model that its source builds, taken as it is."""
    from interp.models.by_hand import wrapped

    try:
        loaded = wrapped(config.build(), config.tokenizer(), config.prepend_bos)
    except UserError as error:
        raise UserError(f"model: source {config.source!r}: {error}") from None
    except ImportError as error:
        if has_hooked_transformer() or "HookedTransformer" not in str(error):
            raise
        raise needs_older(f"model: source {config.source!r} builds a HookedTransformer") from None
    name = loaded.info.name if loaded.hooked.cfg.model_name not in ("", "custom") else config.source
    origin = f"built by {type(config).__module__}"
    info = loaded.info.model_copy(update={"name": name, "source": config.source, "origin": origin})
    return replace(loaded, info=info)


def _hugging_face(config: ModelSource) -> HuggingFaceSource:
    if not isinstance(config, HuggingFaceSource):
        raise UserError(
            f"model: source {config.source!r} has no Hugging Face directory; it builds its model by itself, as a dense one"
        )
    return config


def device_of(wanted: str) -> str:
    """The torch device of a config's `device`; UserError when it is not there."""
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count == 0:
            raise UserError(f"model.device is {wanted}, but torch finds no CUDA device; say auto or cpu")
        if int(wanted.partition(":")[2] or 0) >= count:
            raise UserError(f"model.device is {wanted}, but torch finds only cuda:0 to cuda:{count - 1}")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise UserError("model.device is mps, but torch finds no MPS device; say auto or cpu")
    return wanted
