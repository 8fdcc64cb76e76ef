"""The lines that a notebook begins with, as docs/notebook.md has them: each works, and says something that holds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import interp
from interp.errors import UserError
from interp.prompts.builtin.antonyms import WORD_PAIRS
from interp.runs.kinds import load_any
from tests.tiny_runs import QUIET

WORDS = list(WORD_PAIRS)[:12]
CLEAN = [f'The opposite of "{word}" is "' for word in WORDS]
ANSWERS = [WORD_PAIRS[word] for word in WORDS]
LISTS = {
    "clean": CLEAN,
    "corrupted": [*CLEAN[1:], CLEAN[0]],
    "answer": ANSWERS,
    "foil": [*ANSWERS[1:], ANSWERS[0]],
}


@pytest.fixture(scope="module")
def model(tiny_llama):
    return interp.load(tiny_llama)


@pytest.fixture(scope="module")
def study(model):
    return interp.study(model, **LISTS, min_gap=0)


@pytest.fixture(scope="module")
def folder(tiny_llama, tmp_path_factory):
    """A small run of probes."""
    root = tmp_path_factory.mktemp("read")
    path = root / "small.yaml"
    path.write_text(
        f"name: small\nmodel: {{source: directory, path: {tiny_llama}}}\nprobes: [{{kind: head_ablation, source: zero}}]\n"
        "prompts: {keep: all, min_gap: 0, task: {kind: antonyms, max_pairs: 3, wordings_per_pair: 1}}\n"
        f"statistics: {{n_resamples: 100}}\noutput: {{root: {root / 'runs'}}}\n"
    )
    kind, loaded = load_any(path)
    return kind.run(loaded, QUIET).parent


def frame_of(**more) -> pd.DataFrame:
    return pd.DataFrame({**LISTS, "word": WORDS, "at": [5] * 12, **more})


def test_a_head_and_an_edge_each_have_a_row_a_prompt_and_a_picture(study):
    effects = study.patch("z", by="head")
    edges = study.cut_edges(key=5, query=8, source="corrupted")
    for frame in (effects, edges):
        assert len(frame) == 3 * 4 * 12
        assert not frame.duplicated(["layer", "head", "prompt"]).any()
        assert (frame["value"] - frame["baseline"]).tolist() == pytest.approx(frame["effect"].tolist(), abs=1e-5)
        assert interp.heatmap(frame)._repr_png_().startswith(b"\x89PNG")


def test_find_heads_shows_a_sentence_and_the_heads_beside_it(study):
    verdict = study.find_heads(share=0.8)
    share = verdict.findings.shares.joint
    assert share.n == len(verdict.heads) > 0
    assert f"{share.n} of 12 heads carry 80 %" in repr(verdict)
    ranking = verdict.ranking
    assert set(ranking["head"][ranking["in_the_set"]]) == set(verdict.heads)
    page = verdict._repr_html_()
    assert all(head in page for head in verdict.heads)
    # What a head carries alone is what the edge's absence takes away.
    alone = verdict.single.groupby(["layer", "head"])["effect"].mean()
    first = ranking.iloc[0]
    layer, head = (int(part[1:]) for part in first["head"].split("-"))
    assert -alone[layer, head] == pytest.approx(first["carries"], rel=1e-4)
    assert interp.heatmap(verdict.single, n_resamples=100).caption.endswith("5 largest.")
    # A probe builds on one that was asked before, as in a run.
    assert set(study.probe("layer_modulation")["layer"]) == {0, 1, 2, 3}
    assert study.findings["layer_modulation"].heads == verdict.heads


def test_a_frame_of_prompts_is_asked_as_lists_are(model, study):
    effects = study.cut_edges()["effect"].tolist()
    for key in (None, "{word}", "{at}", 5, WORDS):
        asked = interp.study(model, frame_of(), key=key, min_gap=0)
        assert asked.cut_edges()["effect"].tolist() == pytest.approx(effects, abs=1e-5)


def test_pairs_and_wordings_of_a_frame_count_and_rows_that_do_not_fit_are_left_out(model):
    sizes = [number // 2 for number in range(12)]
    asked = interp.study(model, frame_of(pair=sizes, template=["a", "b"] * 6), min_gap=0)
    assert asked.prompts["pair"].nunique() == 6
    assert asked.tokens["template"].unique().tolist() == ["a", "b"]
    by_name = interp.study(model, frame_of(size=sizes), cluster="size", min_gap=0)
    assert by_name.prompts["pair"].nunique() == 6
    odd = interp.study(model, frame_of(answer=["zzz", *ANSWERS[1:]]), min_gap=0)
    assert len(odd.prompts) == 11
    assert "'zzz' is unknown to the tokenizer" in odd.dropped["reason"].item()


def test_prompts_whose_key_is_elsewhere_are_measured_in_batches(model):
    short = [text.removeprefix("The ") for text in CLEAN[:3]]
    asked = interp.study(
        model,
        clean=[*CLEAN[:3], *short],
        corrupted=[*CLEAN[1:3], CLEAN[0], *short[1:], short[0]],
        answer=ANSWERS[:3] * 2,
        foil=[*ANSWERS[1:3], ANSWERS[0]] * 2,
        min_gap=0,
    )
    keys = asked.tokens[asked.tokens["role"] == "key"]
    assert keys["position"].tolist() == [5, 4]
    assert keys["clean"].str.strip().tolist() == [WORDS[0]] * 2
    assert len(asked.cut_edges()) == 3 * 4 * 6


@pytest.mark.parametrize(
    ("frame", "settings", "says"),
    [
        (frame_of().drop(columns=["foil"]), {}, "the frame has no column 'foil', only 'clean', 'corrupted', 'answer'"),
        (frame_of(), {"key": "{wrd}"}, "the role 'key': the frame has no column 'wrd'; did you mean 'word'?"),
        (frame_of(), {"cluster": ["a"] * 12}, "cluster is the name of one of its columns, not"),
        (frame_of(), {"key": "zebra"}, "no prompt pair is left after filtering"),
        (frame_of(foil=[None, *ANSWERS[1:]]), {}, "the frame: 1 of 12 rows cannot be used: row 0: foil is empty"),
        (frame_of(answer=[1.5] * 12), {}, "answer: 1.5 is neither text nor token ids"),
        (frame_of().iloc[:0], {}, "the frame has no rows"),
    ],
)
def test_mistakes_in_a_frame_are_one_sentence(model, frame, settings, says):
    with pytest.raises(UserError, match=says) as caught:
        interp.study(model, frame, min_gap=0, **settings)
    assert "\n" not in str(caught.value)


def test_a_finished_run_is_read_by_its_folder_or_its_name_and_draws_its_report(folder):
    run = interp.read(folder)
    assert str(interp.read(str(folder.parent)).path) == str(folder)
    assert len(run.effects) == 3 * 4 * 3
    assert set(run.tables) == {
        *("prompts.parquet", "effects.parquet", "summary.csv", "candidates.csv", "dropped.csv", "metrics.json")
    }
    (folder / "report.html").unlink()
    report = run.report()
    page = Path(report).read_text(encoding="utf-8")
    assert "<h1" in page
    assert report._repr_html_().startswith("<iframe srcdoc=")
    assert "head_ablation" in run._repr_html_()


def test_what_is_no_finished_run_is_one_sentence(folder, tmp_path):
    (tmp_path / "small").mkdir()
    for name in ("one", "two"):
        (tmp_path / "small" / name).mkdir()
        (tmp_path / "small" / name / "config.resolved.yaml").write_text("name: small\n")
    with pytest.raises(UserError, match="holds 2 runs, say which: one, two"):
        interp.read(tmp_path / "small")
    with pytest.raises(UserError, match="one is not finished"):
        interp.read(tmp_path / "small" / "one")
