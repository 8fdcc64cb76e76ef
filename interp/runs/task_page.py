"""`interp task NAME`: what a task asks, how a model reads and answers it, and what is left out, before any run of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from interp.analysis.seeding import generator
from interp.configs.loading import override
from interp.configs.mistakes import in_words
from interp.configs.section import Section
from interp.errors import UserError
from interp.metrics import metrics
from interp.models import ModelConfig, load_model, model_dimensions
from interp.prompts import PromptPair, PromptSet, tasks
from interp.prompts.book import PromptBook
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Judged
from interp.prompts.select import choose_prompts
from interp.prompts.task import Task
from interp.words.visible import visible_token

SHOWN = 10  # prompts, and reasons


class Asked(Section):
    """The settings of the command, as those of a YAML."""

    prompts: PromptsConfig


def show_task(name: str, overrides: Sequence[str], model: ModelConfig | None, seed: int, console: Console) -> None:
    """Print ten prompts of a task; with a model that is here their tokens and roles, its accuracy by wording, and what is left out.

    Args:
        overrides: settings of the task, as `corruption=noun`.
        model: None: texts alone.

    Raises:
        UserError: there is no such task, a setting is wrong, or the model's tokenizer has no words for it.
    """
    prompts = _section(name, overrides)
    task = prompts.task
    console.print(f"{name}: {tasks.describe()[name]}", highlight=False, markup=False)
    console.print(
        f"usual metric: {task.usual_metric}; corruption: {getattr(task, 'corruption', 'its own')}", highlight=False
    )
    if model is None:
        some = task.corrupt(task.candidates(), generator(seed, "prompts"))[:SHOWN]
        for number, pair in enumerate(some, start=1):
            _say(console, f"{number:2}  {_texts(pair)}")
        return
    loaded = load_model(model, console)
    encoder = Encoder(
        loaded.tokenizer,
        loaded.info.prepend_bos,
        n_embeddings=loaded.info.d_vocab,
        n_context=loaded.info.n_ctx,
        several=bool(metrics[task.usual_metric].sums_over),
    )
    from interp.runs.circuit.prepare import asked

    book = choose_prompts(prompts, encoder, [asked(loaded.hooked)], generator(seed, "prompts"))
    _show_prompts(book.sets, console)
    _show_accuracy(task, book.judged[0], loaded.info.name, console)
    _show_left_out(book, console)


def is_here(model: ModelConfig) -> bool:
    """Whether a model can be asked without fetching anything."""
    return model_dimensions(model) is not None


def _section(name: str, overrides: Sequence[str]) -> PromptsConfig:
    data: dict[str, Any] = {"prompts": {"task": {"kind": name}, "keep": "all", "min_gap": 0}}
    tasks[name]  # a name that is none is told as such
    for setting in overrides:
        override(data["prompts"]["task"], setting)
    try:
        return Asked.model_validate(data).prompts
    except ValidationError as error:
        raise UserError(f"task {name!r}: " + "; ".join(in_words(error, data, Asked))) from None


def _show_prompts(sets: Sequence[PromptSet], console: Console) -> None:
    by_number = [(number, prompt_set, row) for prompt_set in sets for row, number in enumerate(prompt_set.prompts)]
    apart = by_number[:: max(1, len(by_number) // SHOWN)][:SHOWN]  # of every wording
    for number, prompt_set, row in apart:
        pair = prompt_set.pairs[row]
        roles = ", ".join(
            f"{role} {'+'.join(map(str, places))} ({_bars([prompt_set.clean_tokens[row][place - 1] for place in places])})"
            for role, places in sorted(prompt_set.roles.items())
        )
        _say(console, f"{number:3}  {_bars(prompt_set.clean_tokens[row])}")
        _say(console, f"     {_bars(prompt_set.corrupted_tokens[row])}")
        _say(console, f"     {_answers(pair)}; {roles}")


def _show_accuracy(task: Task, judged: Sequence[Judged], model: str, console: Console) -> None:
    asked = Counter(candidate.template for candidate in judged)
    right = Counter(candidate.template for candidate in judged if candidate.right)
    what = "rank the answer above the foil" if task.choice else "rank the answer first"
    total = sum(right.values())
    _say(console, f"{model}: {total} of {len(judged)} candidates {what} ({total / max(len(judged), 1):.0%})")
    for wording, n in asked.items():
        _say(console, f"  {right[wording]} of {n}  {visible_token(wording)}")
    if why := task.refusal(right, asked):
        _say(console, f"a run refuses this model (but with keep: all): {why}")


def _show_left_out(book: PromptBook, console: Console) -> None:
    for note in book.notes:
        _say(console, f"note: {note}")
    reasons = Counter(dropped.reason for dropped in book.dropped)
    _say(console, f"{len(book)} prompts; {len(book.dropped)} left out" + (":" if reasons else ""))
    for reason, n in reasons.most_common(SHOWN):
        _say(console, f"  {n}  {visible_token(reason)}")
    if len(reasons) > SHOWN:
        _say(console, f"  and {len(reasons) - SHOWN} more reasons")


def _texts(pair: PromptPair) -> str:
    return f"{visible_token(pair.clean)}  |  {visible_token(pair.corrupted)}  |  {_answers(pair)}"


def _answers(pair: PromptPair) -> str:
    more = f" (or {len(pair.answers)} others)" if pair.answers else ""
    others = f" (or {len(pair.foils)} others)" if pair.foils else ""
    return f"answer {visible_token(pair.answer)!r}{more}, foil {visible_token(pair.foil)!r}{others}"


def _bars(tokens: Sequence[str]) -> str:
    return "|".join(map(visible_token, tokens))


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
