"""Do the heads that a run names carry as much on word pairs that the run has not seen?

    python examples/other_words.py runs/antonyms_smollm2/HASH [MODEL]

The joint share of docs/definitions.md on every prompt that the model answers correctly and whose word pair the run left
aside, with a bootstrap interval over word pairs. The heads are read from the run, so nothing here had a say in their choice.
"""

import sys

import numpy as np
import pandas as pd

import interp


def main(folder: str, name: str = "smollm2-135m-instruct") -> None:
    """Print the share that the run's heads carry on the other word pairs; `name` is what `interp.load` takes."""
    run = interp.read(folder)
    heads = {(head.layer, head.head) for head in run.findings["key_query_heads"].shares.joint.heads}
    asked = run.candidates
    asked = asked[asked["right"] & ~asked["pair"].isin(run.prompts["pair"])]
    prompts = pd.concat([corrupted(group) for _, group in asked.groupby("template")], ignore_index=True)
    model = interp.load(name)
    study = interp.study(model, prompts)
    every = [(layer, head) for layer in range(model.info.n_layers) for head in range(model.info.n_heads)]
    total = study.measure([cut(every)])
    others = study.measure([cut(place for place in every if place not in heads)])
    both = total.merge(others, on="prompt", suffixes=("_of_all", "_of_others")).merge(study.prompts, on="prompt")
    sums = both.groupby("pair")[["effect_of_all", "effect_of_others"]].sum().to_numpy()
    draws = sums[np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))].sum(1)
    low, high = np.percentile(1 - draws[:, 1] / draws[:, 0], [2.5, 97.5])
    share = 1 - sums[:, 1].sum() / sums[:, 0].sum()
    print(
        f"{len(heads)} heads carry {share:.1%} [{low:.1%}, {high:.1%}] of the key->query effect on {len(both)} prompts of "
        f"{len(sums)} word pairs that the run had not sampled"
    )
    for wording, mine in both.groupby("template"):
        print(f"  {1 - mine['effect_of_others'].sum() / mine['effect_of_all'].sum():.1%} of {len(mine)}: {wording}")


def corrupted(prompts: pd.DataFrame) -> pd.DataFrame:
    """Each prompt beside another one of its wording, drawn at random, whose answer is its foil."""
    mixed = prompts.sample(frac=1, random_state=0)
    other = mixed.iloc[np.roll(np.arange(len(mixed)), -1)]
    return mixed.assign(corrupted=other["clean"].to_numpy(), foil=other["answer"].to_numpy())


def cut(heads) -> interp.Variant:
    """The key->query edges of these heads, given their corrupted values."""
    return interp.Variant(tuple(interp.Edit("edge", *head, "query", "key", source="corrupted") for head in heads))


if __name__ == "__main__":
    main(*sys.argv[1:])
