"""Training that is killed, diverges, or cannot go on: what is kept, and what is said."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from interp.errors import UserError
from interp.sparsify import train
from interp.sparsify.checkpoint import Checkpoints
from tests.runs.sparsify.tiny import config, run


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [3, 6, 9])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(tmp_path, models, finished, monkeypatch, at):
    path = config(tmp_path, models["llama"])
    step = train.Trainer._step

    def killed(self, number, *rest):
        if number == at:
            raise Killed
        return step(self, number, *rest)

    monkeypatch.setattr(train.Trainer, "_step", killed)
    with pytest.raises(Killed):
        run(path)
    monkeypatch.setattr(train.Trainer, "_step", step)
    folder = run(path)
    for table in ("log.csv", "frontier.csv", "baseline.csv", "heads.csv", "lengths.csv"):
        assert (folder / table).read_bytes() == (finished[0] / table).read_bytes(), table
    ours, theirs = (load_file(one / "exported" / "adapter_model.safetensors") for one in (tmp_path, finished[1]))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_half_written_checkpoint_does_not_count(tmp_path):
    folder = tmp_path / "checkpoints"
    (folder / "step-0000004.building").mkdir(parents=True)
    assert Checkpoints(folder).last() is None


def test_nan_stops_the_run_and_keeps_the_last_checkpoint(tmp_path, models, monkeypatch):
    loss = train.excess_loss_of_hidden

    def broken(*arguments):
        broken.calls += 1
        return loss(*arguments) * (float("nan") if broken.calls > 5 else 1.0)

    broken.calls = 0
    monkeypatch.setattr(train, "excess_loss_of_hidden", broken)
    path = config(tmp_path, models["llama"])
    with pytest.raises(
        UserError, match=r"stopped at step 6: .* NaN or infinite; the last good checkpoint, .*step-0000004, is kept"
    ):
        run(path)


def test_a_diverging_loss_stops_the_run(tmp_path, models):
    with pytest.raises(UserError, match="nats above its target"):
        run(
            config(tmp_path, models["llama"], learning_rate=3.0, diverged=0.01, stages=[{"target": 0.001, "steps": 50}])
        )


def test_a_full_disk_is_one_sentence(tmp_path, models, monkeypatch):
    from interp.sparsify import checkpoint

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UserError, match=r"cannot write to .*No space left on device"):
        run(config(tmp_path, models["llama"]))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["training.stages.0.target=-0.1"], "the dense model itself does not reach"),
        (["training.stages.0.target=0"], "the dense model itself does not reach"),
        (["text.context=100"], "text.context: 100 tokens are more than llama's context of 32"),
        (["model.path=/nowhere"], "there is no directory /nowhere"),
        (["model={source: pypi, name: nothing}"], "nothing"),
        (["training.loss={kl: 0, cross_entropy: 0}"], "both weights are 0"),
        (["model.sparse={bias: 0}"], "training begins with a dense model"),
        (["study=sparsifi"], "there is no 'sparsifi'.*sparsify"),
        (["training.batchsize=3"], "training.batchsize: unknown key"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, models, overrides, words):
    with pytest.raises(UserError, match=words):
        run(config(tmp_path, models["llama"]), *overrides)
