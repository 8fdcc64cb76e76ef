"""Paths that a user writes: what can be no path is a sentence, before anybody opens it."""

from __future__ import annotations

import os

import pytest

from interp.configs.paths import user_path
from interp.errors import UserError


def test_a_path_that_the_system_refuses_is_a_sentence_and_one_that_is_not_there_is_a_path(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for bad in ("x" * 5000, tmp_path / ("y" * 300), loop / "m", "a\0b"):
        with pytest.raises(UserError, match=r"^model\.path: ") as caught:
            user_path(bad, "model.path")
        assert len(str(caught.value)) < 400
    for good in (tmp_path, tmp_path / ("y" * 200), tmp_path / "none" / "such", "größe"):
        assert str(user_path(good, "model.path")) == str(good)


def test_a_folder_that_may_not_be_read_is_a_sentence(tmp_path, monkeypatch):
    assert user_path(tmp_path, "model.path") == tmp_path
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="model.path: the folder .* may not be read"):
        user_path(tmp_path, "model.path")
