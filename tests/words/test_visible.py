"""Every token can be seen and told from its neighbours."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.words.visible import visible, visible_token


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("\n", "⏎"),
        ("\n\n", "⏎⏎"),
        ("\t", "⇥"),
        ("\r\n", "␍⏎"),
        (" ", "␣"),
        ("   ", "␣␣␣"),
        ("\u00a0", "<U+00A0>"),
        ("\u200b", "<U+200B>"),
        ("\ufeffThe", "<U+FEFF>The"),
        ("\u202eabc", "<U+202E>abc"),
        ("\x00", "␀"),
        ("\x85", "<U+0085>"),
        ("\ud800", "<U+D800>"),
        ("\u0301", "◌\u0301"),
        # Twins: what is seen already stays.
        (" large", " large"),
        ("大", "大"),
        ("é", "é"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("<E5>", "<E5>"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_shown(token, shown):
    assert visible_token(token) == shown


def test_prose_keeps_its_lines_and_tabs():
    assert visible("a\n\tb\x1b\x7f\x9b\ud83d") == "a\n\tb␛␡<U+009B><U+D83D>"


def test_what_turns_the_direction_of_reading_is_shown_and_writing_from_the_right_stays():
    assert visible("share \u202e81 %\u2066") == "share <U+202E>81 %<U+2066>"
    assert visible("שלום\u200f 81 %") == "שלום\u200f 81 %"


@given(st.text(st.characters(codec=None)))
def test_every_text_becomes_well_formed(text):
    node = ElementTree.Element("t")
    node.text = visible(text)
    assert ElementTree.fromstring(ElementTree.tostring(node, encoding="unicode")).text == (node.text or None)
    assert visible(visible(text)) == visible(text)
