"""A TransformerBridge (TransformerLens 4) as the hooked model that the rest of the project knows.

`HookedBridge` shows a Bridge in a HookedTransformer's words: `cfg`, `blocks`, `ln_final`, `unembed`, `hooks`, legacy hook
names. Everything that it does not name is the Bridge's own. A Bridge keeps no cache of earlier positions and cannot begin
in the middle, so what runs through its own blocks runs through all of them, for all positions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError, cut
from interp.models.bridge_blocks import BridgeBlock, LayerNorm, norm
from interp.models.config import Processing
from interp.models.families import BY_TYPE, supported
from interp.models.families.anatomy import Anatomy, window_settings
from interp.models.families.others import windows_without_record
from interp.models.families.record import Family
from interp.models.lens import has_hooked_transformer, is_bridge, needs_older

PATTERN, Z = "blocks.0.attn.hook_pattern", "blocks.0.attn.hook_z"


@dataclass(frozen=True)
class Point:
    """What a hook function is told of the place where it runs."""

    name: str

    def layer(self) -> int:
        """The block's number."""
        return int(self.name.split(".")[1])


class Unembed:
    """The unembedding: `W_U` of shape [d_model, d_vocab], `b_U`; called, it gives logits, which no cap has seen."""

    def __init__(self, module: Any) -> None:
        self.W_U, self.b_U = module.W_U, module.b_U

    def __call__(self, resid: Float[Tensor, "*any d_model"]) -> Float[Tensor, "*any d_vocab"]:
        """Logits."""
        return resid @ self.W_U + self.b_U


class HookedBridge:
    """A TransformerBridge in a HookedTransformer's words.

    Args:
        bridge: a TransformerBridge in compatibility mode, in evaluation mode.
        anatomy: what its blocks are; None for a family without a record, which only its own blocks can run.
        architecture: Hugging Face's class.
    """

    def __init__(self, bridge: Any, anatomy: Anatomy | None, architecture: str) -> None:
        self.bridge = bridge
        self.anatomy = anatomy
        self._settings: dict[str, Any] = {"original_architecture": architecture}
        if anatomy is not None:
            self._settings |= anatomy.settings()
        else:
            self._settings |= window_settings(windows_without_record(getattr(bridge.original_model, "config", None)))
        self._resumes: bool | None = None
        order: list[str] = []

        def note(act: Tensor, hook: Any) -> None:
            order.append(hook.name)

        # The first pass also puts the hooks in place by which a Bridge's parts find each other.
        with torch.no_grad(), self.hooks(fwd_hooks=[(PATTERN, note), (Z, note)]):
            self(torch.zeros(1, 1, dtype=torch.long, device=bridge.cfg.device), return_type=None)
        self.writes_patterns = order == [PATTERN, Z]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["bridge"], name)

    @property
    def cfg(self) -> Any:
        """The Bridge's config, with what it lacks of a HookedTransformer's."""
        return SimpleNamespace(**vars(self.bridge.cfg) | self._settings)

    @property
    def blocks(self) -> list[BridgeBlock]:
        """The blocks."""
        return [BridgeBlock(block, self.anatomy, layer, self) for layer, block in enumerate(self.bridge.blocks)]

    @property
    def ln_final(self) -> LayerNorm | None:
        """The last norm."""
        return norm(self.bridge._modules.get("ln_final"), self.bridge.cfg)

    @property
    def unembed(self) -> Unembed:
        """The unembedding."""
        return Unembed(self.bridge.unembed)

    def __call__(
        self,
        tokens: Int[Tensor, "prompt pos"],
        return_type: str | None = "logits",
        stop_at_layer: int | None = None,
        **_: Any,
    ) -> Any:
        """As a HookedTransformer called with tokens, none of which is padding."""
        if stop_at_layer == self.bridge.cfg.n_layers:
            return self.after_blocks(tokens)
        with _quiet():
            return self.bridge(tokens, return_type=return_type, stop_at_layer=stop_at_layer)

    def input_to_embed(self, tokens: Int[Tensor, "prompt pos"]) -> tuple[Float[Tensor, "prompt pos d_model"]]:
        """The residual stream before the first block."""
        return (self(tokens, stop_at_layer=0),)

    def after_blocks(
        self,
        given: Int[Tensor, "row pos"] | Float[Tensor, "row pos d_model"],
        start_at_layer: int | None = None,
        end: int | None = None,
    ) -> Float[Tensor, "row pos d_model"]:
        """The residual stream after the last block (or before block `end`): of tokens, or of a stream before a block."""
        n_layers = self.bridge.cfg.n_layers
        if start_at_layer is not None:
            if start_at_layer == (n_layers if end is None else end):
                return given
            self._must_resume()
        if end is not None and end < n_layers:
            with _quiet():
                stream: Tensor = self.bridge(given, start_at_layer=start_at_layer, stop_at_layer=end)
            return stream
        last: list[Tensor] = []

        def keep(act: Tensor, hook: Any) -> None:
            last.append(act)

        with self.hooks(fwd_hooks=[(f"blocks.{n_layers - 1}.hook_resid_post", keep)]), self.unembedding(-1), _quiet():
            self.bridge(given, return_type=None, start_at_layer=start_at_layer)
        return last[-1]

    def _must_resume(self) -> None:
        """UserError where the blocks, begun in the middle, give something else (Bloom's do); measured once, on three tokens."""
        if self._resumes is None:
            self._resumes = True  # for the passes that follow
            tokens = torch.arange(3, device=self.bridge.cfg.device)[None]
            last = self.bridge.cfg.n_layers - 1
            with torch.no_grad():
                whole, before = self.after_blocks(tokens), self(tokens, stop_at_layer=last)
                first = self.input_to_embed(tokens)[0]
                again = [self.after_blocks(before, last), self.after_blocks(first, 0)]
            spread = float(whole.float().std())
            self._resumes = all(float((one - whole).float().abs().max()) <= 0.02 * spread for one in again)
        if not self._resumes:
            raise needs_older(
                f"a {self._settings['original_architecture']} cannot be run from the middle on TransformerLens 4, so gradients "
                "and messages between tokens cannot be had there"
            )

    @contextmanager
    def hooks(self, fwd_hooks: Sequence[tuple[str | Callable[[str], bool], Callable[..., Any]]] = ()) -> Iterator[Any]:
        """Within the block these functions run, each told the legacy name under which it was asked for."""
        points = self.bridge.hook_dict
        placed: list[tuple[str, Callable[..., Any]]] = []
        for where, function in fwd_hooks:
            names = [where] if isinstance(where, str) else [name for name in points if where(name)]
            for name in names:
                if name not in points:
                    raise KeyError(f"the model has no hook {name}")
                placed.append((name, _named(function, name)))
        with self.bridge.hooks(fwd_hooks=placed):
            yield self

    @contextmanager
    def unembedding(self, position: int) -> Iterator[None]:
        """Within the block only one position is unembedded: the logits of a long prompt take gigabytes."""

        def only_there(act: Tensor, hook: Any) -> Tensor:
            return act[:, position : position + 1 or None]

        with self.hooks(fwd_hooks=[("unembed.hook_in", only_there)]):
            yield

    def must_write_patterns(self) -> None:
        """UserError where Hugging Face's code computes attention, and shows its weights when they have done their work."""
        if not self.writes_patterns:
            raise needs_older(
                f"in a {self._settings['original_architecture']} TransformerLens 4 shows attention weights only after they have "
                "been used, so what edits them or goes by their gradient cannot be run there"
            )

    def to(self, *where: Any, **how: Any) -> HookedBridge:
        """Moved in place."""
        self.bridge.to(*where, **how)
        return self


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    point = Point(name)

    def called(act: Tensor, hook: Any) -> Any:
        result = function(act, hook=point)
        # What a Bridge shows may be a copy in another shape; a gradient runs through it only where it is given back.
        return act if result is None else result

    return called


@contextmanager
def _quiet() -> Iterator[None]:
    """A Bridge warns when a norm's scale is written, which here is done on purpose."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A forward hook edited hook_scale", UserWarning)
        yield


def bridged(
    hf_model: Any, family: Family | None, processing: Processing, dtype: torch.dtype, device: str, name: str
) -> tuple[HookedBridge, dict[str, bool]]:
    """A Hugging Face model, which is changed in place, as a HookedBridge, and the weight rewrites that took effect.

    Raises UserError when TransformerLens cannot build it.
    """
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    config = hf_model.config
    anatomy = None if family is None else family.anatomy(config)
    architecture = type(hf_model).__name__
    hf_model.set_attn_implementation("eager")
    hf_model.to(device=device, dtype=dtype).requires_grad_(False)
    try:
        bridge = build_bridge_from_module(
            hf_model, architecture, hf_config=config, dtype=dtype, device=device, model_name=name
        )
        allowed = {
            what
            for what in (frozenset[str]() if anatomy is None else anatomy.rewrites)
            if getattr(bridge.adapter, f"supports_{what}", True)
        }
        applied = {what: asked and what in allowed for what, asked in processing.model_dump().items()}
        bridge.enable_compatibility_mode(disable_warnings=True, **applied)
    except (ValueError, NotImplementedError, KeyError, AttributeError, AssertionError, RuntimeError) as error:
        why = cut(" ".join(str(error).split()), 200) or type(error).__name__
        raise needs_older(f"model: TransformerLens cannot build this {architecture} ({why})") from None
    bridge.eval().requires_grad_(False)
    return HookedBridge(bridge, anatomy, architecture), applied


def seen(model: Any) -> Any:
    """A model as the project knows it: a Bridge becomes a HookedBridge, everything else stays what it is.

    UserError for a Bridge that is not in compatibility mode.
    """
    if has_hooked_transformer() or not is_bridge(model):
        return model
    if not model.compatibility_mode:
        raise UserError(
            "the TransformerBridge is not in compatibility mode, so its hooks are not those that are edited here; call "
            "model.enable_compatibility_mode() first (no_processing=True leaves its weights as they are)"
        )
    config = getattr(model.original_model, "config", None)
    if config is None or not supported(config):
        return HookedBridge(model, None, type(model.original_model).__name__)
    return HookedBridge(model, BY_TYPE[config.model_type].anatomy(config), type(model.original_model).__name__)
