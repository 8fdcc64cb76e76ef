"""The control: the same training with every gate open."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interp.errors import UserError
from interp.models import DirectoryModel, load_model
from interp.models.config import SparseModel
from interp.models.directory import read_config, read_model
from interp.models.sparse_attention import gate_facts
from interp.models.sparse_checkpoint import read_checkpoint
from interp.runs.kinds import load_any
from interp.sparsify.config import ALWAYS_OPEN, AttentionWeights, GateConfig, Loss, Stage, Training
from interp.sparsify.loss import excess_loss
from interp.sparsify.trainable import trainable
from tests.runs.sparsify.tiny import config, log, run

ATTENTION = {"kind": "attention", "rank": 16}


def control_of(folder: Path) -> Path:
    (found,) = (folder.parents[1] / "tiny-control").iterdir()
    return found


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_under_a_pure_kl_loss_the_control_is_the_dense_model(tmp_path, models, family):
    """Gates open, at the dense weights: loss and gradient are 0 but for rounding, so there is nothing to learn."""
    asked = Training(adapter=AttentionWeights(), stages=(Stage(target=1.0, steps=1),))
    dense = read_model(models[family], read_config(models[family]), torch.float32).eval()
    made = trainable(dense, asked, GateConfig(kind="weight", bias=ALWAYS_OPEN), 0)
    tokens = torch.randint(2, 100, (2, 9), generator=torch.Generator().manual_seed(0))
    teacher = made.teacher(tokens).log_softmax(-1)
    largest = {}
    for name, weights in (("kl", Loss()), ("cross_entropy", Loss(kl=0.0, cross_entropy=1.0))):
        with made.gate.running("train", torch.Generator().manual_seed(0)) as counted:
            student = made.model(tokens).logits.log_softmax(-1)
            loss = excess_loss(weights, teacher, student, tokens)
        assert counted.measured == 1.0
        assert abs(float(loss.detach())) < 1e-5
        made.model.zero_grad()
        (loss + counted.expected).backward()
        largest[name] = max(float(one.grad.abs().max()) for one in made.model.parameters() if one.requires_grad)
    assert largest["kl"] < 1e-5
    assert largest["cross_entropy"] > 1e-3
    with pytest.raises(
        UserError, match=r"the control would be the dense model itself; give training.loss.cross_entropy"
    ):
        load_any(config(tmp_path, models[family]), ["control=true"])


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_control_trains_on_the_same_text_with_every_gate_open(tmp_path, models, family):
    loss = {"kl": 0.0, "cross_entropy": 1.0}
    path = config(tmp_path, models[family], adapter=ATTENTION, loss=loss)
    with pytest.raises(UserError, match="a control has to start from the dense model"):
        load_any(path, ["control=true", "training.begin=x"])
    folder = run(path, "control=true", "gate={kind: weight, learn_bias: true}")
    sparse, control = read_checkpoint(tmp_path / "exported"), read_checkpoint(tmp_path / "exported-control")
    for name in ("seed", "steps", "text_sha256", "context", "target"):
        assert control.trained[name] == sparse.trained[name]
    assert (control.trained["density"], control.head_bias) == (1.0, None)
    assert sparse.trained["density"] < 1
    rows = log(control_of(folder))
    assert abs(rows["loss"].iloc[0]) < 1e-4  # the dense model, which it starts from: GPT-2 without its dropout
    assert abs(rows["loss"].iloc[-1]) > 1e-3
    twin = SparseModel(checkpoint=str(tmp_path / "exported-control"))
    loaded = load_model(DirectoryModel(path=str(models[family]), sparse=twin)).hooked
    facts = gate_facts(loaded, torch.randint(2, 100, (2, 9)))
    assert facts["open"] == facts["edges"]
