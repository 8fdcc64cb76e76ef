"""Metrics: one number a prompt, read from the model's output at the query position (method.md section 3).

A metric gets a `Readout`, which unembeds only what is asked for: two answer tokens cost a thousandth of the vocabulary.
Raw logits move by a constant a row when `center_unembed` is on; differences, probabilities and divergences do not.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int

from interp.lazy import lazy
from interp.registry import Registry
from interp.section import Section

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")


@runtime_checkable
class Readout(Protocol):
    """The model's output at the query position, for a batch of rows."""

    answer: Int[torch.Tensor, " row"]
    foil: Int[torch.Tensor, " row"]

    def logits(self) -> Float[torch.Tensor, "row vocab"]:
        """All logits."""

    def logits_of(self, tokens: Int[torch.Tensor, " row"]) -> Float[torch.Tensor, " row"]:
        """The logit of one token a row."""

    def clean_logits(self) -> Float[torch.Tensor, "row vocab"]:
        """All logits of the unedited clean run of the same prompts."""


class Metric(Section, abc.ABC):
    """One number a prompt. Captions and sentences call it by its `words`, in its `unit`."""

    kind: str
    unit: ClassVar[str] = "units"
    words: ClassVar[str] = ""

    @classmethod
    def described(cls) -> dict[str, str]:
        """Kind, unit and words, as a run keeps them for its figures and sentences."""
        kind = cls.model_fields["kind"].default
        return {"kind": kind, "unit": cls.unit, "words": cls.words or kind.replace("_", " ")}

    @abc.abstractmethod
    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        """The metric of every row."""


metrics: Registry[Metric] = Registry("metric")


@metrics.register
class LogitDiff(Metric):
    """Logit of the answer minus logit of the foil (the corrupted prompt's answer)."""

    kind: Literal["logit_diff"] = "logit_diff"
    unit: ClassVar[str] = "logits"
    words: ClassVar[str] = "logit difference of answer and foil"

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits_of(out.answer) - out.logits_of(out.foil)


@metrics.register
class AnswerLogit(Metric):
    """Logit of the answer; comparable only within one weight processing."""

    kind: Literal["answer_logit"] = "answer_logit"
    unit: ClassVar[str] = "logits"
    words: ClassVar[str] = "logit of the answer"

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits_of(out.answer)


@metrics.register
class AnswerProbability(Metric):
    """Probability of the answer."""

    kind: Literal["answer_prob"] = "answer_prob"
    unit: ClassVar[str] = "probability"
    words: ClassVar[str] = "probability of the answer"

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits().softmax(dim=-1).gather(-1, out.answer[:, None])[:, 0]


@metrics.register
class AnswerLogProbability(Metric):
    """Natural logarithm of the answer's probability."""

    kind: Literal["answer_log_prob"] = "answer_log_prob"
    unit: ClassVar[str] = "nats"
    words: ClassVar[str] = "log probability of the answer"

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits().log_softmax(dim=-1).gather(-1, out.answer[:, None])[:, 0]


@metrics.register
class DivergenceFromClean(Metric):
    """KL divergence of the edited run from the clean run, KL(clean || edited): 0 where nothing changed."""

    kind: Literal["kl_from_clean"] = "kl_from_clean"
    unit: ClassVar[str] = "nats"
    words: ClassVar[str] = "KL divergence from the clean run"

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        clean = out.clean_logits().log_softmax(dim=-1)
        edited = out.logits().log_softmax(dim=-1)
        return torch.sum(clean.exp() * (clean - edited), dim=-1)
