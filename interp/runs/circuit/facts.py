"""What a study is, beside its prompts: what the tables of a run say of it, kept in its part `@prompts`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

from interp.analysis.findings import DroppedPrompt, Plain
from interp.analysis.findings_of_run import ModelFound
from interp.measure.study import Study
from interp.results.run_folder import RunFolder

STUDY = "@prompts"
"""The label of the part; no probe can be called so."""


class Candidate(Plain):
    """How the model does on one prompt that could be asked (interp.prompts.judged.Judged)."""

    pair: str
    template: str
    clean: str
    answer: str
    said: str | None
    log_prob: float | None


class StudyFacts(Plain):
    """What was measured, of which model, and what was left out."""

    model: ModelFound
    candidates: list[Candidate]
    gates: dict[str, dict[str, int]]
    """Template -> what the gates of a sparse model do on its prompts; empty for a dense one."""
    dropped: list[DroppedPrompt]
    notes: list[str]
    focus_is_declared: bool

    @classmethod
    def of(cls, study: Study, model: ModelFound) -> StudyFacts:
        """Those of a study that is prepared."""
        return cls(
            model=model,
            candidates=[Candidate(**asdict(judged)) for judged in study.judged],
            gates={prompts.pairs[0].template: study.engine.gates([prompts]) for prompts in study.book.sets},
            dropped=[DroppedPrompt(**asdict(dropped)) for dropped in study.book.dropped],
            notes=list(study.book.notes),
            focus_is_declared=any(pair.focus for prompts in study.book.sets for pair in prompts.pairs),
        )

    @classmethod
    def kept(cls, folder: RunFolder) -> StudyFacts:
        """Those in a run's folder; Damaged where they are lost."""
        return cls.model_validate(folder.whole_part(STUDY).findings)

    @property
    def all_gates(self) -> dict[str, int]:
        """Over all wordings: one so near to 0 that rounding may move it over keeps "exact" from being said of a model."""
        total: Counter[str] = Counter()
        for counts in self.gates.values():
            total.update(counts)
        return dict(total)
