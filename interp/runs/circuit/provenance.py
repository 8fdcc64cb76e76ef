"""What the pieces of a run of probes are made from, in words and digests (interp.results.parts)."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import pandas as pd

from interp.analysis.findings_of_run import ModelFound
from interp.measure.study import Study
from interp.probes import Probe
from interp.results import versions
from interp.results.inputs import Inputs, digests
from interp.results.sealed import digest_of
from interp.runs.circuit.config import RunConfig

READ_OFF = ("clean_metric", "corrupted_metric", "gap", "clean_top1", "top1_id", "answer_prob")
"""Columns of prompts.parquet that the model fills in: not what the prompts are."""


class Watched(UserDict[str, Any]):
    """A mapping that notes in `asked` which of its keys somebody looked at."""

    def __init__(self, content: Mapping[str, Any], asked: set[str]) -> None:
        super().__init__()
        self.data = content  # type: ignore[assignment]  # not copied: its values may be read from disk when asked for
        self.asked = asked

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self.asked.update(self.data)
        return super().__iter__()


@contextmanager
def watched(study: Study) -> Iterator[set[str]]:
    """Yields the labels of the probes that are looked at inside: so a probe need not say what it builds on."""
    asked: set[str] = set()
    plain = {name: getattr(study, name) for name in ("probes", "tables", "findings")}
    for name, content in plain.items():
        setattr(study, name, Watched(content, asked))
    try:
        yield asked
    finally:
        for name, content in plain.items():
            setattr(study, name, content)


def of_study(settings: RunConfig, info: ModelFound, inputs: Inputs) -> dict[str, str]:
    """What the prompts and their metrics come from."""
    sparse = info.sparse and info.sparse.plain()
    model = {"settings": settings.model.model_dump(mode="json"), "processing": info.processing, "sparse": sparse}
    return {
        "the weights": info.weights_sha256,
        "the model's settings": digest_of({**model, "device": info.device, "name": info.name}),
        "the prompts' settings": digest_of(settings.prompts.model_dump(mode="json")),
        "the metric": digest_of(settings.metric.model_dump(mode="json")),
        "the seed": str(settings.seed),
        **digests(inputs),
        **versions.code(),
        **versions.code_of(settings.model, settings.prompts.task, settings.metric),
    }


def of_probe(study: dict[str, str], prompts: pd.DataFrame, probe: Probe, reading: Any) -> dict[str, str]:
    """What a probe's effects and findings come from, but for the earlier probes that it builds on."""
    asked = prompts.drop(columns=list(READ_OFF)).to_json(orient="split", index=False)
    return {
        **study,
        "the prompts": digest_of(asked),
        "its settings": digest_of(probe.model_dump(mode="json")),
        "the statistics": digest_of(asdict(reading)),
        **versions.code_of(probe),
    }


def of_earlier(labels: Iterable[str], settings: Mapping[str, Probe], done: Mapping[str, str]) -> dict[str, str]:
    """What a probe took from others of its run: their settings and, where they were done before it, their results."""
    return {
        label: digest_of([settings[label].model_dump(mode="json"), done.get(label)])
        for label in sorted(labels)
        if label in settings
    }
