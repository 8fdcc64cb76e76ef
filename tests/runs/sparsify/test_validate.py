"""`interp validate` of a training config says what the run would say, before anything is trained."""

from __future__ import annotations

import io
import json
import shutil

import pytest
from rich.console import Console

from interp.errors import UserError
from interp.runs.kinds import load_any
from tests.runs.sparsify.tiny import config, run
from tests.tiny_families import write_tiny


def validated(folder, path_of_model, **changes) -> str:
    settings = {
        **{"study": "sparsify", "name": "tiny", "model": {"source": "directory", "path": str(path_of_model)}},
        **{"text": {"of": {"source": "sampled", "sequences": 40}, "context": 12}},
        "training": {"stages": [{"target": 1.0, "steps": 2}]},
    }
    path = folder / "tiny.yaml"
    path.write_text(json.dumps({**settings, **changes}), encoding="utf-8")
    said = io.StringIO()
    kind, loaded = load_any(path)
    kind.check(loaded, Console(file=said, width=300))
    return said.getvalue()


def test_a_config_that_can_run_is_valid(tmp_path, tiny_llama):
    assert "the config is valid" in validated(tmp_path, tiny_llama)


def test_what_the_run_would_refuse_is_refused(tmp_path, tiny_llama):
    with pytest.raises(UserError, match=r"text.context: 100 tokens are more than .*'s context of 32"):
        validated(tmp_path, tiny_llama, text={"of": {"source": "sampled", "sequences": 40}, "context": 100})
    with pytest.raises(UserError, match="there is no directory"):
        validated(tmp_path, tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"training.begin: .* holds no sparse_attention.json"):
        validated(tmp_path, tiny_llama, training={"stages": [{"target": 1.0, "steps": 2}], "begin": str(tmp_path)})
    with pytest.raises(UserError, match=r"model: training begins with a dense model"):
        model = {"source": "directory", "path": str(tiny_llama), "sparse": {"bias": 0}}
        validated(tmp_path, tiny_llama, model=model)
    shutil.copytree(tiny_llama, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(UserError, match="only pickled weights, which are never loaded"):
        validated(tmp_path, tmp_path / "pickled")


@pytest.mark.parametrize(("context", "shortest", "refused"), [(12, 3, True), (12, None, False), (8, 3, False)])
def test_pieces_do_not_take_the_place_of_a_window(tmp_path, context, shortest, refused):
    """transformers takes a mask that it is given as it is: the window was gone in training, and back when it was judged."""
    model = write_tiny(tmp_path / "model", "mistral", sliding_window=8)
    text = {"of": {"source": "sampled", "sequences": 40}, "context": context, "shortest": shortest}
    if refused:
        with pytest.raises(UserError, match=r"takes the place of model's window of 8 tokens; give a text.context"):
            validated(tmp_path, model, text=text)
        with pytest.raises(UserError, match=r"text.shortest: rows of 12 tokens"):
            run(config(tmp_path, model), "text.shortest=3")
    else:
        assert "the config is valid" in validated(tmp_path, model, text=text)


def test_a_family_that_no_gate_can_be_put_into_is_refused_before_text_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr("interp.runs.sparsify.run.sequences", None)
    with pytest.raises(UserError, match="so no gate can be put into it"):
        run(config(tmp_path, write_tiny(tmp_path / "model", "falcon")))


@pytest.mark.parametrize("minimum", [2.0, 3.0])
def test_the_multipliers_bounds_must_be_in_order(tmp_path, tiny_llama, minimum):
    training = {"stages": [{"target": 1.0, "steps": 2}], "geco": {"minimum": minimum, "maximum": 2.0}}
    if minimum <= 2:
        assert "the config is valid" in validated(tmp_path, tiny_llama, training=training)
    else:
        with pytest.raises(UserError, match=r"training.geco: minimum 3 is above maximum 2; .* at most the maximum"):
            validated(tmp_path, tiny_llama, training=training)


@pytest.mark.parametrize("learnt", [True, False])
@pytest.mark.parametrize("setting", [{"first_bias": -1.0}, {"calibrate": {"price": 0.5}}])
def test_where_biases_begin_is_said_of_biases_that_are_learnt(tmp_path, tiny_llama, learnt, setting):
    gate = {"learn_bias": learnt, **setting}
    if learnt:
        assert "the config is valid" in validated(tmp_path, tiny_llama, gate=gate)
    else:
        with pytest.raises(UserError, match=rf"gate: {next(iter(setting))} is for biases that are learnt"):
            validated(tmp_path, tiny_llama, gate=gate)
