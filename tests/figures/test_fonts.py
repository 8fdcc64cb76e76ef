"""Scripts that the house font lacks: with a font that has them, and without one."""

from __future__ import annotations

import warnings
from xml.etree import ElementTree

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from interp.figures import figures, fonts, save
from tests.figures.readable import drawn
from tests.figures.sizes import make_tables
from tests.findings import changed

CHINESE = ["大", "小", "<E5>", "<A4>", "\t", "\n", "🦜", " \u200b"]


def write_font(path, characters):
    """A font called Test Han that has a square for every character."""
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(0, 0), (0, 800), (800, 800), (800, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    names = [".notdef", *(f"uni{ord(one):04X}" for one in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): name for one, name in zip(characters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, square))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-200)
    builder.setupNameTable({"familyName": "Test Han", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=200)
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def bare(monkeypatch):
    """A machine without any fonts but those that come with matplotlib; returns the list of fonts that are installed."""
    installed: list[str] = []
    own = [one for one in font_manager.fontManager.ttflist if one.fname.startswith(matplotlib.get_data_path())]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", lambda: installed)
    font_manager.fontManager._findfont_cached.cache_clear()
    fonts._fallbacks.cache_clear()
    yield installed
    fonts._fallbacks.cache_clear()
    font_manager.fontManager._findfont_cached.cache_clear()


def words(kind, tables):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return [text.get_text() for text, _ in drawn(figures[kind]().render(tables).figure)]


def test_without_a_font_every_token_is_still_another_and_one_sentence_says_what_is_missing(bare):
    shown = words("circuit_panel", make_tables(8, 2, 2, tokens=CHINESE))
    assert {"<U+5927>", "<U+5C0F>", "<E5>", "<A4>", "⇥", "⏎", "<U+1F99C>", "<U+200B>"} <= set(shown)
    said = fonts.warning(CHINESE)
    assert "大 (U+5927)" in said
    assert "🦜 (U+1F99C)" in said
    assert "fonts-noto-cjk" in said
    assert fonts.families("大") == ["DejaVu Sans"]


def test_with_a_font_the_characters_themselves_are_drawn(bare, tmp_path):
    write_font(tmp_path / "han.ttf", "大小")
    bare.append(str(tmp_path / "han.ttf"))
    tables = make_tables(8, 2, 2, tokens=CHINESE)
    assert {"大", "小", "<U+1F99C>"} <= set(words("circuit_panel", tables))
    assert fonts.families("大 large") == ["DejaVu Sans", "Test Han"]
    assert fonts.warning(["大", "小"]) is None
    assert "大" not in fonts.warning(CHINESE)
    save(figures["circuit_panel"]().render(tables), tmp_path, "panel")
    content = (tmp_path / "panel.svg").read_text(encoding="utf-8")
    assert "Test Han" in content
    assert "大" in content


def test_text_in_the_house_font_is_the_same_on_every_machine(bare, tmp_path):
    write_font(tmp_path / "han.ttf", "大large")
    bare.append(str(tmp_path / "han.ttf"))
    assert fonts.families("large ⏎ ␣ é ρ") == ["DejaVu Sans"]
    assert fonts.warning(["large", "\n", " "]) is None


def test_a_font_that_cannot_be_read_is_passed_over(bare, tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    bare.append(str(tmp_path / "broken.ttf"))
    assert fonts.drawable("大 x") == "<U+5927> x"


@pytest.mark.parametrize("text", ["bell\x07 null\x00 escape\x1b", "\ufffe\x85", "a & <b> \"q\" 'r'"])
def test_an_svg_is_well_formed_whatever_stands_in_it(tmp_path, text):
    tables = make_tables(8, 2, 2, tokens=[text] * 8, answer=text)

    def named(metrics):
        metrics["run"]["model"]["name"] = text
        for group in metrics["probes"]["layer_span"]["groups"]:
            group["group"] = text

    tables = changed(tables, named)
    for kind in ("circuit_panel", "span_chart"):
        save(figures[kind]().render(tables), tmp_path, kind)
        content = (tmp_path / f"{kind}.svg").read_text(encoding="utf-8")
        assert ElementTree.fromstring(content).tag.endswith("svg")


def test_a_label_that_nobody_made_visible_is_well_formed_too(tmp_path):
    made = figures["share_curve"]().render(make_tables(8, 2, 2))
    made.figure.axes[0].set_xticks([0, 1], ["bell\x07", "other"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matplotlib has no glyph for it
        save(made, tmp_path, "curve")
    assert "bell␇" in (tmp_path / "curve.svg").read_text(encoding="utf-8")
    ElementTree.parse(tmp_path / "curve.svg")
