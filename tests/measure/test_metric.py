"""Answers of several tokens and several right answers, against whole forward passes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from interp.interventions.edits import Edit, Variant
from interp.interventions.engine import Engine
from interp.measure.metric import estimate_metric, measure_metric, read_metric, several_tokens
from interp.metrics import AnswerLogProbability, BestLogitDiff, LogitDiff, LogProbabilityDiff, ProbabilityDiff
from tests.interventions.models import random_model, random_prompts

RIGHT = (((3, 9),), ((4,),), ((5, 2, 11),), ((6, 6),))
WRONG = (((7,),), ((8, 1),), ((3, 3),), ((9,),))


@pytest.fixture(params=["gpt2", "llama", "parallel"])
def engine(request):
    return Engine(random_model(request.param))


def sequences(bos=0):
    base = random_prompts(bos=bos)
    return dataclasses.replace(
        base,
        answers=RIGHT,
        foils=WRONG,
        answer=torch.tensor([one[0][0] for one in RIGHT]),
        foil=torch.tensor([one[0][0] for one in WRONG]),
    )


def log_prob(model, tokens, answer, hooks=()):
    """log p(answer | tokens) by one whole forward pass over both."""
    whole = torch.cat([tokens, torch.tensor(answer)])[None]
    logits = model.run_with_hooks(whole, fwd_hooks=list(hooks)) if hooks else model(whole)
    said = logits[0].log_softmax(-1)
    return sum(float(said[len(tokens) - 1 + place, token]) for place, token in enumerate(answer))


@pytest.mark.parametrize("bos", [0, 1])
def test_the_log_probability_of_a_sequence_is_that_of_a_forward_pass_over_it(engine, bos):
    prompts = sequences(bos)
    for run, tokens in (("clean", prompts.clean), ("corrupted", prompts.corrupted)):
        right = [log_prob(engine.model, tokens[row], RIGHT[row][0]) for row in range(4)]
        wrong = [log_prob(engine.model, tokens[row], WRONG[row][0]) for row in range(4)]
        assert read_metric(engine, prompts, AnswerLogProbability(), run).tolist() == pytest.approx(right, abs=1e-4)
        assert read_metric(engine, prompts, LogProbabilityDiff(), run).tolist() == pytest.approx(
            [a - b for a, b in zip(right, wrong, strict=True)], abs=1e-4
        )


def test_an_edit_acts_on_the_prompt_while_the_model_is_led_along_the_answer(engine):
    prompts = sequences()
    variants = [
        Variant.of(Edit("z", 1, 2, query="query")),
        Variant.of(Edit("resid_pre", 1, query="key", source="corrupted")),
    ]
    found = measure_metric(engine, variants, prompts, LogProbabilityDiff())

    def ablate(z, hook):
        z[:, 6, 2] = 0
        return z

    for row in range(4):
        _, cache = engine.model.run_with_cache(prompts.corrupted[row][None])
        other = cache["blocks.1.hook_resid_pre"][0, 2]

        def patch(resid, hook, other=other):
            resid[:, 2] = other
            return resid

        for number, hooks in enumerate([[("blocks.1.attn.hook_z", ablate)], [("blocks.1.hook_resid_pre", patch)]]):
            clean = prompts.clean[row]
            wanted = log_prob(engine.model, clean, RIGHT[row][0], hooks) - log_prob(
                engine.model, clean, WRONG[row][0], hooks
            )
            assert float(found[number, row]) == pytest.approx(wanted, abs=1e-4)


def test_some_rows_are_the_same_rows_of_all(engine):
    prompts, variants = sequences(), [Variant.of(Edit("z", 0, 1))]
    everything = measure_metric(engine, variants, prompts, AnswerLogProbability())
    assert measure_metric(engine, variants, prompts, AnswerLogProbability(), [3, 1]).tolist() == [
        pytest.approx([float(everything[0, 3]), float(everything[0, 1])], abs=1e-5)
    ]


def test_an_estimate_of_a_sequence_has_the_slope_of_the_sum(engine):
    prompts = sequences()
    variants = [Variant.of(Edit("edge", 1, head, "query", "key", "corrupted")) for head in range(4)]
    near = estimate_metric(engine, variants, prompts, AnswerLogProbability())
    assert near.shape == (4, 4)
    assert torch.isfinite(near).all()
    exact = measure_metric(engine, variants, prompts, AnswerLogProbability())
    clean = read_metric(engine, prompts, AnswerLogProbability(), "clean")
    assert torch.corrcoef(torch.stack([(near - clean).flatten(), (exact - clean).flatten()]))[0, 1] > 0.5


def test_answers_of_one_token_take_one_run():
    assert not several_tokens(random_prompts(), AnswerLogProbability())
    assert not several_tokens(sequences(), LogitDiff())
    assert several_tokens(sequences(), AnswerLogProbability())


def test_best_of_a_set_and_sums_over_a_set(engine):
    right, wrong = (((3,), (9,)), ((4,),), ((5,), (2,)), ((6,),)), (((7,),), ((8,), (1,)), ((1,),), ((9,), (0,)))
    prompts = dataclasses.replace(random_prompts(), answers=right, foils=wrong)
    logits = engine.model(prompts.clean)[:, -1]
    shares = logits.softmax(-1)
    best = [max(logits[row, t] for (t,) in right[row]) - max(logits[row, t] for (t,) in wrong[row]) for row in range(4)]
    mass = [sum(shares[row, t] for (t,) in right[row]) - sum(shares[row, t] for (t,) in wrong[row]) for row in range(4)]
    assert read_metric(engine, prompts, BestLogitDiff(), "clean").tolist() == pytest.approx(
        [float(x) for x in best], abs=1e-4
    )
    assert read_metric(engine, prompts, ProbabilityDiff(), "clean").tolist() == pytest.approx(
        [float(x) for x in mass], abs=1e-5
    )
