"""Do the heads that a run of the antonyms task names carry as much on word pairs that the run has not seen?

    python examples/other_words.py runs/antonyms_smollm2/HASH

The joint share of docs/definitions.md, on every prompt of every pair that the run left aside and the model answers, with a
bootstrap interval over word pairs. The heads are read from the run, so nothing here had a say in their choice.
"""

import sys

import numpy as np

import interp

SITE = {"query": "query", "key": "key", "source": "corrupted"}


def main(folder: str) -> None:
    run = interp.read(folder)
    heads = {(head.layer, head.head) for head in run.findings["key_query_heads"].shares.joint.heads}
    study = interp.study("smollm2-135m-instruct", task="antonyms")
    new = study.prompts[~study.prompts["pair"].isin(run.prompts["pair"])]
    print(study.prompts.columns.tolist(), len(new), run.prompts["pair"].tolist()[:3])
    cfg = study.inner.model.hooked.cfg if hasattr(study.inner, "model") else None


main(sys.argv[1])
