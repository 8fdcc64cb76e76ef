"""The text that a model is made sparse on and judged on: where it comes from, and how it is cut."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from interp.configs.external import EXTERNAL
from interp.configs.section import Section


class SampledText(Section):
    """Text that the dense model writes itself: no data set is needed, and its own loss on it is its entropy."""

    source: Literal["sampled"] = "sampled"
    sequences: int = Field(
        default=1024, ge=16, le=10_000_000, description="Sequences to sample, once; they are kept in the cache."
    )
    temperature: float = Field(
        default=1.0, gt=0, le=100, description="Of the sampling: 1 is the model's own distribution."
    )
    begin: str | None = Field(
        default=None,
        description="The token that sampling begins with, left out of the text; null: the tokenizer's BOS.",
    )
    openings: tuple[str, ...] | Literal["vocabulary"] = Field(
        default=(),
        description="First words to go on from, without a token in front; each sequence draws one. vocabulary: any token of "
        "the tokenizer but its special ones. None: `begin` alone.",
    )
    together: int = Field(
        default=128,
        ge=1,
        le=1_000_000,
        description="Sequences that are sampled at once; other numbers draw other text.",
    )


class FileText(Section):
    """A plain-text file, or JSON lines with a text field."""

    source: Literal["file"] = "file"
    path: Annotated[str, EXTERNAL] = Field(
        description="The file, in UTF-8: .jsonl is read as JSON lines, any other as plain text."
    )
    field: str = Field(default="text", description="The field of a .jsonl file that holds the text.")


class DatasetText(Section):
    """A data set of the hub, by name, read as a stream."""

    source: Literal["dataset"] = "dataset"
    name: str = Field(description="Name of the data set.")
    subset: str | None = Field(default=None, description="Its configuration, where it has several; null: the only one.")
    split: str = Field(default="train", description="Split that is read.")
    field: str = Field(default="text", description="Column that holds the text.")
    documents: int = Field(
        default=10_000, ge=1, le=1_000_000_000, description="Documents to read from the start of the split."
    )


class DocumentationText(Section):
    """Paragraphs of ordinary English in the docstrings of installed Python packages; nothing is downloaded or imported."""

    source: Literal["documentation"] = "documentation"
    packages: tuple[str, ...] = Field(
        default=("networkx", "numpy", "pandas", "scipy", "stdlib", "sympy"),
        min_length=1,
        description="Names as imported; `stdlib` is Python's own library.",
    )
    sequences: int | None = Field(
        default=None, ge=16, le=100_000_000, description="Sequences to draw, by the seed; null: all."
    )


TextSource = Annotated[SampledText | FileText | DatasetText | DocumentationText, Field(discriminator="source")]


class Text(Section):
    """What the model is trained and judged on."""

    of: TextSource | Annotated[tuple[TextSource, ...], Field(min_length=1)] = Field(
        default=SampledText(), description="Where the text comes from; of several sources, all of their sequences."
    )
    context: int = Field(default=128, ge=8, le=1_000_000, description="Tokens of a training sequence.")
    held_out: float = Field(
        default=0.1, gt=0, lt=1, description="Share of sequences, chosen by their hash, that is never trained on."
    )
    lengths: tuple[Annotated[int, Field(ge=2, le=1_000_000)], ...] = Field(
        default=(32, 128, 512),
        description="Lengths in tokens that the result is also judged at; text that was sampled has none above its own.",
    )
    evaluated: int = Field(
        default=64, ge=1, le=1_000_000, description="Held-out sequences that are evaluated, at most."
    )
    shortest: int | None = Field(
        default=None,
        ge=2,
        le=1_000_000,
        description="Cut training sequences into pieces of this many tokens up to the whole sequence, equally much text of "
        "every length on a log scale; half of them begin with the tokenizer's first token. null: whole sequences.",
    )
    repeated: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the training pieces that say their first half twice, so that heads which look for what came "
        "before (induction) stay in use; needs `shortest`.",
    )

    @model_validator(mode="after")
    def _pieces_to_repeat(self) -> Text:
        if self.repeated and self.shortest is None:
            raise ValueError("repeated is about pieces of text; give `shortest` with it")
        return self
