"""Effects tables in parts: the file that pandas writes in one go, and what is read back from it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from interp.results import effects_file
from interp.results.columns import EFFECTS, STORED


def table(n, seed=0):
    """A table as a run has it, with the types that are on disk."""
    rng = np.random.default_rng(seed)
    words = {"pair": [f"word {number} " * 20 for number in range(7)], "group": [""], "query_label": ["10", "9", "é"]}
    columns = {}
    for name, kind in EFFECTS.items():
        if kind == "text":
            columns[name] = rng.choice(words.get(name, ["b", "a", "c"]), n)
        elif kind == "number":
            columns[name] = np.arange(n)
        elif kind == "optional":
            columns[name] = pd.array(rng.integers(0, 300, n), dtype="Int64")
            columns[name][rng.random(n) < 0.3] = pd.NA
        else:
            columns[name] = rng.normal(size=n)
    return pd.DataFrame(columns).astype({name: STORED[kind] for name, kind in EFFECTS.items()})


def in_parts(whole, size):
    return (whole.iloc[begin : begin + size] for begin in range(0, max(1, len(whole)), size))


def as_pandas_writes(whole):
    buffer = io.BytesIO()
    whole.to_parquet(buffer, index=False, compression="zstd", row_group_size=effects_file.ROWS_A_GROUP)
    return buffer.getvalue()


@pytest.mark.parametrize("n", [0, 1, 999, 1000, 1001, 3500])
@pytest.mark.parametrize("compact", [False, True])
def test_a_file_written_in_parts_is_the_one_that_pandas_writes_whole(tmp_path, monkeypatch, n, compact):
    monkeypatch.setattr(effects_file, "ROWS_A_GROUP", 1000)
    whole = table(n)
    parts = in_parts(whole, 300)
    if compact:
        parts = (effects_file.stacked([part]) for part in parts)
    effects_file.write(tmp_path / "a.parquet", parts)
    assert (tmp_path / "a.parquet").read_bytes() == as_pandas_writes(whole)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), whole)


def test_row_groups_are_as_large_as_those_of_pandas():
    assert effects_file.ROWS_A_GROUP == 1024 * 1024


def test_what_is_read_is_compact_and_equal(tmp_path, monkeypatch):
    monkeypatch.setattr(effects_file, "ROWS_AT_ONCE", 256)
    whole = table(1000)
    effects_file.write(tmp_path / "a.parquet", [whole])
    found = effects_file.read(tmp_path / "a.parquet")
    assert list(found["query_label"].cat.categories) == ["10", "9", "é"]
    plain = found.astype({name: STORED[kind] for name, kind in EFFECTS.items()})
    pd.testing.assert_frame_equal(plain, whole)
    assert found.memory_usage(index=False).sum() < 100 * len(found)


def test_rows_and_columns_can_be_chosen(tmp_path):
    whole = table(1000)
    effects_file.write(tmp_path / "a.parquet", [whole])
    found = effects_file.read(tmp_path / "a.parquet", ["prompt", "value"], probe="b", part="c")
    wanted = whole[(whole["probe"] == "b") & (whole["part"] == "c")]
    assert list(found.columns) == ["prompt", "value"]
    assert found["value"].tolist() == wanted["value"].tolist()
    assert effects_file.read(tmp_path / "a.parquet", ["prompt"], probe="nobody").empty


def test_a_part_that_fails_leaves_the_old_file(tmp_path):
    effects_file.write(tmp_path / "a.parquet", [table(3)])
    before = (tmp_path / "a.parquet").read_bytes()

    def broken():
        yield table(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        effects_file.write(tmp_path / "a.parquet", broken())
    assert (tmp_path / "a.parquet").read_bytes() == before


def test_what_is_asked_of_a_file_in_parts_is_what_the_whole_table_says(tmp_path, monkeypatch):
    monkeypatch.setattr(effects_file, "ROWS_A_GROUP", 1000)
    monkeypatch.setattr(effects_file, "ROWS_AT_ONCE", 300)
    whole = table(2500).assign(probe="mine")
    effects_file.write(tmp_path / "a.parquet", in_parts(whole, 700))
    disk, memory = effects_file.OnDisk(tmp_path / "a.parquet"), effects_file.InMemory(whole)
    wanted = whole.loc[[3, 2400, 5], ["layer", "head", "query_label"]]
    wanted.loc[5, "head"] = pd.NA
    same = [
        ((whole["layer"] == row["layer"]) | (whole["layer"].isna() & pd.isna(row["layer"]))).fillna(False)
        & ((whole["head"] == row["head"]) | (whole["head"].isna() & pd.isna(row["head"]))).fillna(False)
        & (whole["query_label"] == row["query_label"])
        for _, row in wanted.iterrows()
    ]
    expected = whole.loc[same[0] | same[1] | same[2], "effect"].tolist()
    assert len(expected) >= 2
    for record in (disk, memory):
        assert record.like("mine", ["effect"], wanted)["effect"].tolist() == expected
        assert record.like("other", ["effect"], wanted).empty
        found = record.distinct("mine", ["source", "query_label"]).astype(str)
        assert found.to_numpy().tolist() == whole[["source", "query_label"]].drop_duplicates().to_numpy().tolist()
