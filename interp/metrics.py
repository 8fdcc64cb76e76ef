"""Metrics: one number a prompt, read from the model's output at the query position (docs/definitions.md, Effects).

A metric gets a `Readout`, which unembeds only what is asked for: two answer tokens cost a thousandth of the vocabulary.
A model's logits are its own: where `center_unembed` has moved all of a row by one number, a metric that this would change
(`moved_by_a_shift`) is refused.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int

from interp.configs.lazy import lazy
from interp.configs.registry import Registry
from interp.configs.section import Section

if TYPE_CHECKING:
    import torch
else:
    torch = lazy("torch")


@runtime_checkable
class Readout(Protocol):
    """The model's output at the query position, for a batch of rows."""

    answer: Int[torch.Tensor, " row"]
    foil: Int[torch.Tensor, " row"]
    answers: Int[torch.Tensor, "row right"]
    """The first token of every right answer; -1 where a prompt has fewer."""
    foils: Int[torch.Tensor, "row wrong"]

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
    sums_over: ClassVar[tuple[Literal["answer", "foil"], ...]] = ()
    """A metric of all tokens of an answer: it is called once a token, as the answer, and summed; the foil's are subtracted."""
    logit_weights: ClassVar[tuple[float, float] | None] = None
    """(a, f) of a metric that is a x the answer's logit + f x the foil's, to which contributions add up; None: no such sum."""
    rises_with_damage: ClassVar[bool] = False
    """Whether the metric is larger the more an edit breaks, as a divergence is: signs of effects then read the other way."""

    reads_answers: ClassVar[bool] = True
    """Whether answer or foil count: without, other answers are the same question, and no control (interp.prompts.shuffled)."""

    reads_several: ClassVar[bool] = False
    """Whether all right answers and all foils of a prompt are read, where it has several, or the first ones alone."""

    flat_at_clean: ClassVar[bool] = False
    """Whether the unedited clean run is its minimum: no slope there, so nothing that a gradient could estimate."""

    moved_by_a_shift: ClassVar[bool] = False
    """Whether one number added to all logits of a row changes it, as it changes a raw logit, and no difference of two."""

    @classmethod
    def described(cls) -> dict[str, str | bool]:
        """Kind, unit, words and direction, as a run keeps them for its figures and sentences."""
        kind = cls.model_fields["kind"].default
        words = cls.words or kind.replace("_", " ")
        return {"kind": kind, "unit": cls.unit, "words": words, "rises_with_damage": cls.rises_with_damage}

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
    logit_weights: ClassVar[tuple[float, float] | None] = (1.0, -1.0)

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits_of(out.answer) - out.logits_of(out.foil)


@metrics.register
class AnswerLogit(Metric):
    """Logit of the answer, as the model itself gives it."""

    kind: Literal["answer_logit"] = "answer_logit"
    unit: ClassVar[str] = "logits"
    words: ClassVar[str] = "logit of the answer"
    logit_weights: ClassVar[tuple[float, float] | None] = (1.0, 0.0)
    moved_by_a_shift: ClassVar[bool] = True

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
    """Natural logarithm of the answer's probability, over all of its tokens."""

    kind: Literal["answer_log_prob"] = "answer_log_prob"
    unit: ClassVar[str] = "nats"
    words: ClassVar[str] = "log probability of the answer"
    sums_over: ClassVar[tuple[Literal["answer", "foil"], ...]] = ("answer",)

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        return out.logits().log_softmax(dim=-1).gather(-1, out.answer[:, None])[:, 0]


@metrics.register
class LogProbabilityDiff(AnswerLogProbability):
    """Log probability of the answer minus that of the foil, over all of their tokens."""

    kind: Literal["log_prob_diff"] = "log_prob_diff"  # type: ignore[assignment]
    words: ClassVar[str] = "difference in log probability of answer and foil"
    sums_over: ClassVar[tuple[Literal["answer", "foil"], ...]] = ("answer", "foil")


@metrics.register
class BestLogitDiff(Metric):
    """Largest logit among the right answers minus the largest among the foils; one token each."""

    kind: Literal["best_logit_diff"] = "best_logit_diff"
    unit: ClassVar[str] = "logits"
    words: ClassVar[str] = "logit difference of the best right and the best wrong answer"
    reads_several: ClassVar[bool] = True

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        logits = out.logits()
        return _gathered(logits, out.answers, -torch.inf).amax(-1) - _gathered(logits, out.foils, -torch.inf).amax(-1)


@metrics.register
class ProbabilityDiff(Metric):
    """Summed probability of the right answers minus that of the foils; one token each."""

    kind: Literal["prob_diff"] = "prob_diff"
    unit: ClassVar[str] = "probability"
    words: ClassVar[str] = "difference in probability of right and wrong answers"
    reads_several: ClassVar[bool] = True

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        shares = out.logits().softmax(dim=-1)
        return _gathered(shares, out.answers, 0.0).sum(-1) - _gathered(shares, out.foils, 0.0).sum(-1)


def _gathered(
    values: Float[torch.Tensor, "row vocab"], tokens: Int[torch.Tensor, "row n"], absent: float
) -> Float[torch.Tensor, "row n"]:
    return values.gather(-1, tokens.clamp(min=0)).masked_fill(tokens < 0, absent)


@metrics.register
class DivergenceFromClean(Metric):
    """KL divergence of the edited run from the clean run, KL(clean || edited): 0 where nothing changed."""

    kind: Literal["kl_from_clean"] = "kl_from_clean"
    unit: ClassVar[str] = "nats"
    words: ClassVar[str] = "KL divergence from the clean run"
    rises_with_damage: ClassVar[bool] = True
    reads_answers: ClassVar[bool] = False
    flat_at_clean: ClassVar[bool] = True

    def __call__(self, out: Readout) -> Float[torch.Tensor, " row"]:
        clean = out.clean_logits().log_softmax(dim=-1)
        edited = out.logits().log_softmax(dim=-1)
        return torch.sum(clean.exp() * (clean - edited), dim=-1)
