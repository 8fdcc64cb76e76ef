"""Every probe must find exactly what was planted."""

from __future__ import annotations

import pytest

from interp.errors import UserError
from interp.probes.activation_patching import ActivationPatching
from interp.probes.attention_edges import AttentionEdges
from interp.probes.attention_pattern import AttentionPattern
from interp.probes.attribution_patching import AttributionPatching
from interp.probes.base import heads_of
from interp.probes.direct_logit_attribution import DirectLogitAttribution
from interp.probes.edge_patching import EdgePatching, Pair, Screen
from interp.probes.head_ablation import HeadAblation
from interp.probes.key_query_heads import KeyQueryHeads, Shapley
from interp.probes.layer_modulation import LayerModulation
from interp.probes.logit_lens import LogitLens
from interp.results.effects_file import whole as in_one
from tests.causal.planted import KEY, MIDDLE, OUTPUT, QUERY, READING, Plant, findings, planted_model, study_of

ONE = (Plant(1, 2, gain=3.0),)
NEGATIVE = (Plant(1, 2, gain=2.0), Plant(2, 0, gain=-1.0))
REDUNDANT = (Plant(0, 3, gain=1.0), Plant(2, 1, gain=1.0))
MIDPOINT = 4
TWO_HOPS = (
    Plant(0, 1, gain=1.0, key=KEY, query=MIDPOINT, writes=MIDDLE),
    Plant(2, 3, gain=2.0, key=MIDPOINT, query=QUERY, reads=MIDDLE, writes=OUTPUT),
)


def effects(model, probe):
    """(labels) -> mean effect, for every variant."""
    study = study_of(model, probe)
    return in_one(probe.run(study))


def carriers(table, columns, size=1e-4):
    """The combinations of `columns` whose mean effect is not zero, with that effect."""
    means = table.groupby(columns, dropna=False)["effect"].mean()
    return {key: pytest.approx(value, abs=1e-3) for key, value in means[means.abs() > size].items()}


def search(**more):
    """A head search without what a planted model has no use for; by zeros, so that effects are the gains."""
    return KeyQueryHeads(
        **{"source": "zero", "beside": (), "nonsense": False, "rerankings": 2, "random_sets": 10} | more
    )


def searched(*plants, kv_heads=None, **more):
    return findings(study_of(planted_model(*plants, kv_heads=kv_heads), search(**more), n_prompts=14))[
        "key_query_heads"
    ]


@pytest.mark.parametrize("kv_heads", [None, 2])
def test_key_query_heads_finds_the_one_head_under_every_definition(kv_heads):
    found = searched(*ONE, kv_heads=kv_heads)
    assert found["ranking"][0]["label"] == "L1-H2"
    assert found["ranking"][0]["carried"]["mean"] == pytest.approx(3.0, abs=1e-3)
    assert all(abs(head["carried"]["mean"]) < 1e-4 for head in found["ranking"][1:])
    assert {name: (share["n"], [h["label"] for h in share["heads"]]) for name, share in found["shares"].items()} == {
        name: (1, ["L1-H2"]) for name in ("joint", "absolute", "net")
    }
    assert [point["share"] for point in found["curve"]] == pytest.approx([0.0] + [1.0] * 12, abs=1e-4)
    assert found["halves"]["heads"]["joint"] == [["L1-H2"], ["L1-H2"]]
    assert found["in_sample"]["optimism"] == pytest.approx(0.0, abs=1e-4)
    assert (found["matter"]["n_for"], found["matter"]["n_against"]) == (1, 0)


def test_corrupted_values_move_the_whole_gap_and_zeros_half_of_it():
    found = searched(*ONE, source="corrupted", beside=("zero",))
    assert found["total"]["of_gap"]["mean"] == pytest.approx(1.0, abs=1e-4)
    assert found["total"]["effect"]["mean"] == pytest.approx(6.0, abs=1e-3)
    assert found["beside"]["zero"]["total"]["mean"] == pytest.approx(3.0, abs=1e-3)
    assert (found["shares"]["joint"]["n"], found["beside"]["zero"]["n"]) == (1, 1)


def test_a_negative_head_comes_early_by_size_and_last_by_value():
    found = searched(*NEGATIVE)
    assert [head["label"] for head in found["ranking"][:2]] == ["L1-H2", "L2-H0"]
    by_size, by_value, greedy = (
        [point["share"] for point in found["orders"][kind]["curve"]] for kind in ("size", "value", "greedy")
    )
    assert by_size[:3] == pytest.approx([0.0, 2.0, 1.0], abs=1e-3)
    assert by_value[:3] + by_value[-2:] == pytest.approx([0.0, 2.0, 2.0, 2.0, 1.0], abs=1e-3)
    assert greedy[1] == pytest.approx(2.0, abs=1e-3)
    assert (found["matter"]["n_for"], found["matter"]["n_against"]) == (1, 1)


def test_two_equal_heads_are_both_needed():
    found = searched(*REDUNDANT)
    assert {head["label"] for head in found["shares"]["joint"]["heads"]} == {"L0-H3", "L2-H1"}
    assert [point["share"] for point in found["curve"][:3]] == pytest.approx([0.0, 0.5, 1.0], abs=1e-3)
    assert {one["label"]: round(one["without"], 2) for one in found["without"]} == {"L0-H3": 0.5, "L2-H1": 0.5}


def test_random_sets_hold_a_planted_head_only_by_chance():
    random = searched(*ONE, random_sets=60)["controls"]["random"]
    assert random["chosen"] == pytest.approx(1.0, abs=1e-4)
    # 1 head of 12: a random one is the planted one in 8 % of the draws.
    assert 0.9 < random["percentile"] < 1.0


def test_shapley_values_are_the_gains_and_sum_to_the_total():
    found = searched(*NEGATIVE, shapley=Shapley(pairs=2, players=3))
    values = {one["label"]: one["value"] for one in found["shapley"]}
    assert values["L1-H2"] == pytest.approx(2.0, abs=1e-3)
    assert values["L2-H0"] == pytest.approx(-1.0, abs=1e-3)
    assert sum(values.values()) == pytest.approx(found["total"]["effect"]["mean"], abs=1e-3)
    assert [one["n_heads"] for one in found["shapley"]] == [1, 1, 1, 9]


def test_the_search_is_taken_again_from_its_table_alone():
    study = study_of(planted_model(*NEGATIVE), search(order="greedy"), n_prompts=14)
    probe = study.probes["key_query_heads"]
    effects = probe.run(study)
    mine = probe.measured(effects.sample(frac=1, random_state=0), study)
    assert mine.full["greedy"][0] == 1 * 4 + 2
    study.seed = 1
    with pytest.raises(ValueError, match="settings have changed"):
        search(order="greedy", max_heads=2, rerankings=3).measured(effects, study)


def test_too_few_word_pairs_are_refused_before_anything_is_measured():
    for n_prompts, refused in ((11, True), (12, False)):
        study = study_of(planted_model(*ONE), search(), n_prompts=n_prompts)
        if refused:
            with pytest.raises(UserError, match="at least 6 word pairs in each half, so 12 in all, but there are 11"):
                study.probes["key_query_heads"].check(study)
        else:
            study.probes["key_query_heads"].check(study)


def test_no_head_carries_the_key_to_the_query_directly_when_the_path_has_two_hops():
    study = study_of(planted_model(*TWO_HOPS), search(), n_prompts=14)
    single = study.probes["key_query_heads"].run(study).query("part == 'single'")
    assert single["effect"].abs().max() < 1e-4
    assert not findings(study)["key_query_heads"]["defined"]


def test_modulation_rises_at_the_planted_layers_and_ends_at_the_share():
    plants = (Plant(0, 3, gain=1.0), Plant(2, 1, gain=3.0))
    found = findings(study_of(planted_model(*plants), search(), LayerModulation(), n_prompts=14))
    assert [head["label"] for head in found["key_query_heads"]["shares"]["joint"]["heads"]] == ["L2-H1", "L0-H3"]
    assert [point["share"] for point in found["layer_modulation"]["curve"]] == pytest.approx(
        [0, 0.25, 0.25, 1], abs=1e-3
    )
    assert found["layer_modulation"]["steps"][0]["layer"] == 2


@pytest.mark.parametrize("order", ["exact", "integrated", "reranked"])
def test_the_circuit_of_two_hops_has_two_edges_and_falls_with_either(order):
    probe = AttentionEdges(orders=(order,), seeds=2)
    found = findings(study_of(planted_model(*TWO_HOPS), probe, n_prompts=14))["attention_edges"]
    for first in found["first"]:
        assert {(one["label"], one["key"], one["query"]) for one in first[:2]} == {
            ("L0-H1", KEY, MIDPOINT),
            ("L2-H3", MIDPOINT, QUERY),
        }
    # One of the two does nothing alone; replacing one takes everything away.
    sufficient, necessary = ([p["share"] for p in found["curves"][name]] for name in ("sufficient", "necessary"))
    assert sufficient[:3] == pytest.approx([0.0, 0.0, 1.0], abs=1e-3)
    assert necessary[:3] == pytest.approx([0.0, 1.0, 1.0], abs=1e-3)
    assert found["needed"]["sufficient"]["0.9"]["edges"] == pytest.approx(1.9, abs=1e-2)
    assert found["needed"]["necessary"]["0.9"]["edges"] == pytest.approx(0.9, abs=1e-2)
    assert found["needed"]["sufficient"]["0.9"]["heads"] == 2
    assert not found["wordings"]["held_out"]


def test_edge_patching_over_all_pairs_finds_both_hops_and_nothing_else():
    table = effects(planted_model(*TWO_HOPS), EdgePatching(prompts="focus_template", pairs="all"))
    assert carriers(table, ["layer", "head", "key", "query"]) == {
        (0, 1, KEY, MIDPOINT): -2.0,
        (2, 3, MIDPOINT, QUERY): -2.0,
    }
    assert (table["key"] <= table["query"]).all()


def test_an_edge_replaced_by_its_corrupted_value_flips_the_answer():
    table = effects(planted_model(*ONE), EdgePatching(prompts="all", pairs=(Pair(),), source="corrupted"))
    # The answer's logit goes from 3 to 0 and the foil's from 0 to 3.
    assert carriers(table, ["layer", "head"]) == {(1, 2): -6.0}


@pytest.mark.parametrize("plants", [ONE, NEGATIVE, REDUNDANT])
def test_head_ablation_by_zero_takes_away_what_the_head_gives(plants):
    table = effects(planted_model(*plants), HeadAblation(source="zero"))
    assert carriers(table, ["layer", "head"]) == {(plant.layer, plant.head): -plant.gain for plant in plants}


def test_mean_ablation_leaves_the_mean_and_resampling_another_answer():
    # Six prompts with six answers: the mean holds a sixth of each prompt's own answer and of its foil's, if another
    # prompt has it as its answer.
    mean = effects(planted_model(*ONE), HeadAblation(source="mean"))
    gains = mean[(mean["layer"] == 1) & (mean["head"] == 2)].sort_values("prompt")["value"].tolist()
    assert gains == pytest.approx([0.0] * 5 + [0.5], abs=1e-3)  # only the last prompt's foil is nobody's answer
    resample = effects(planted_model(*ONE), HeadAblation(source="resample"))
    assert carriers(resample, ["layer", "head"]).keys() == {(1, 2)}


def test_activation_patching_follows_the_path_in_both_directions():
    probe = ActivationPatching(sites=("resid_pre", "attn_out", "z"))
    table = effects(planted_model(*TWO_HOPS), probe)
    for direction, whole in (("denoise", 4.0), ("noise", -4.0)):
        stream = table[table["part"] == f"resid_pre/{direction}"]
        assert carriers(stream, ["layer", "query"]) == {(0, KEY): whole, (1, MIDPOINT): whole, (2, MIDPOINT): whole}
        assert carriers(table[table["part"] == f"attn_out/{direction}"], ["layer", "query"]) == {
            (0, MIDPOINT): whole,
            (2, QUERY): whole,
        }
        assert carriers(table[table["part"] == f"z/{direction}"], ["layer", "head"]) == {(0, 1): whole, (2, 3): whole}
    denoise = table[(table["part"] == "resid_pre/denoise") & (table["effect"].abs() > 1)]
    assert denoise["normalised"].tolist() == pytest.approx([1.0] * len(denoise), abs=1e-4)


def test_values_are_patched_by_key_value_head_when_queries_are_grouped():
    model = planted_model(*ONE, kv_heads=2)
    probe = ActivationPatching(sites=("v", "k", "q", "pattern"), directions=("noise",))
    table = effects(model, probe)
    assert carriers(table[table["site"] == "v"], ["layer", "head"]) == {(1, 1): -6.0}  # query head 2 reads kv head 1
    assert table[table["site"] == "v"]["head"].max() == 1
    assert table[table["site"] == "q"]["head"].max() == 3
    assert carriers(table[table["site"].isin(["k", "q", "pattern"])], ["layer", "head"]) == {}


def test_attribution_equals_the_exact_effect_where_everything_is_linear():
    study = study_of(planted_model(*NEGATIVE), EdgePatching(), AttributionPatching(of="edge_patching"))
    found = findings(study)["attribution_patching"]
    exact, estimated = study.tables["edge_patching"], study.tables["attribution_patching"]
    assert estimated["effect"].to_numpy() == pytest.approx(exact["effect"].to_numpy(), abs=1e-3)
    assert (estimated["method"] == "attribution").all()
    assert found["pearson"] == pytest.approx(1.0, abs=1e-6)


def test_direct_logit_attribution_names_the_writer_and_adds_up():
    study = study_of(planted_model(*TWO_HOPS), DirectLogitAttribution())
    found = findings(study)["direct_logit_attribution"]
    heads = study.tables["direct_logit_attribution"].query("part == 'head'")
    assert carriers(heads, ["layer", "head"]) == {(2, 3): 2.0}
    assert found["max_abs_error"] < 1e-5


def test_the_logit_lens_reads_the_answer_after_the_layer_that_writes_it():
    table = effects(planted_model(*ONE), LogitLens())
    assert table.groupby("layer")["value"].mean().tolist() == pytest.approx([0, 0, 3, 3], abs=1e-3)


def test_attention_is_seen_where_it_was_planted():
    table = effects(planted_model(*ONE), AttentionPattern())
    cell = table[(table["layer"] == 1) & (table["head"] == 2) & (table["query"] == QUERY)]
    assert cell.set_index("key")["value"].round(3).to_dict() == {key: float(key == KEY) for key in range(1, QUERY + 1)}


def test_all_heads_are_candidates():
    assert len(heads_of("all", study_of(planted_model()))) == 12


def test_screening_finds_the_planted_edges_with_few_cuts_and_keeps_estimates_apart():
    probe = EdgePatching(prompts="all", screen=Screen(top=2))
    study = study_of(planted_model(*TWO_HOPS), probe)
    table = probe.run(study)
    assert set(table.groupby("part")["method"].unique().map(tuple).items()) == {
        ("screen", ("attribution",)),
        ("edge", ("exact",)),
    }
    found = probe.summarise(table, study, READING).screen
    n_edges = len(list(probe.variants(study)))
    assert found.n_effects == n_edges
    assert found.n_candidates + found.n_audited == table[table["part"] == "edge"]["variant"].nunique() < n_edges
    every = EdgePatching(prompts="all").run(study)
    size = every.groupby(["layer", "head", "query_label", "key_label"])["effect"].mean().abs().nlargest(2)
    assert {(one.label, one.query, one.key) for one in found.top} == {
        (f"L{layer}-H{head}", query, key) for layer, head, query, key in size.index
    }
    assert [abs(one.effect.mean) for one in found.top] == pytest.approx(size.tolist(), abs=1e-5)
