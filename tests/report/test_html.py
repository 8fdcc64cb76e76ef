"""The page: well formed, self-contained, accessible, complete, and literal."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from urllib.parse import unquote

import pytest

from interp.report import interactive
from interp.report.story import Section, Story, TableBlock
from tests.report.page import Page
from tests.report.synthetic import HOSTILE, TOKENS, write


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_the_page_is_well_formed_and_loads_nothing(which, request):
    written = request.getfixturevalue(which)
    page = Page(written.html)
    assert not {"link", "iframe", "object", "form"} & set(page.names())
    loads = page.values("src", "srcset", "action", "poster", "background", "data")
    loads += [one["href"] for tag in ("image", "use") for one in page.all(tag)]
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in loads)
    files = [one["href"] for one in page.all("a") if not one["href"].startswith("#")]
    assert all(link.startswith(("figures/", "data:text/csv;charset=utf-8,")) for link in files)
    unscripted = written.html.replace(interactive.script(), "")
    assert not re.search(r"https?://|url\((?!#|data:font/woff;base64,)|@import", unscripted)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    # The policy must come before anything that it governs.
    assert page.names().index("meta") < page.names().index("style")


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_structure_serves_readers_without_a_screen(which, request):
    page = Page(request.getfixturevalue(which).html)
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag in page.names() if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(one.get("scope") in ("col", "row") for one in page.all("th"))
    assert page.names().count("table") == page.names().count("caption")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    contents = [one["href"] for one in page.all("a") if one["href"].startswith("#")]
    assert [f"#{one['id']}" for one in page.all("h2")] == contents


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_one_script_may_run_and_it_is_ours(which, request):
    written = request.getfixturevalue(which)
    page = Page(written.html)
    assert [one.get("type") for one in page.all("script")] == ["application/json", None]
    data, script = [text for where, text in page.texts if "script" in where]
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*);", policy) == [f"'sha256-{digest}'"]
    assert script == interactive.script()
    assert not re.search(r"[<>&]", data)
    (group,) = json.loads(data)["curve"]
    assert group["names"] == ["x", "name", "share"]
    words = [HOSTILE.replace("\n", "⏎")] * 2 if which == "hostile" else ["first", "second"]
    assert group["columns"] == [["0", "1"], words, ["0.250", "0.750"]]


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "\u2028"])
def test_data_in_the_page_end_no_element(text):
    written = str(interactive.as_json({text: [text]}))
    assert not re.search(r"[<>&]", written)
    assert json.loads(written) == {text: [text]}


def test_figures_are_drawn_in_the_page_with_their_caption_as_alternative_text(plain):
    page = Page(plain.html)
    images = page.all("svg")
    assert len(images) == 2
    for image, stem in zip(images, ("curve", "panel"), strict=True):
        assert f"Caption of {stem}, n = 4." in image["aria-label"]
        assert image["role"] == "img"
    assert [text for where, text in page.texts if "svg" in where and text in ("curve", "panel")] == ["curve", "panel"]


def test_every_figure_is_given_away_and_its_numbers_are_inside_the_page(plain):
    links = [one for one in Page(plain.html).all("a") if "data-get" in one]
    assert [one["download"] for one in links] == [
        f"{stem}.{end}" for stem in ("curve", "panel") for end in ("svg", "pdf", "png", "csv")
    ]
    for one in links:
        file = plain.folder / "figures" / one["download"]
        if one["data-get"] == "csv":
            assert unquote(one["href"].split(",", 1)[1]) == file.read_text(encoding="utf-8")
        else:
            assert plain.folder / one["href"] == file
            assert file.is_file()


def test_a_reader_finds_everything(plain):
    text = Page(plain.html).text()
    story = plain.story
    for sentence in (story.title, story.question, *story.answer, *story.observations, *story.caveats):
        assert sentence in text
    for words in (
        *("4.7e−05 logits", "ab" * 32, "fold_ln (TransformerLens)", "0123456789ab", "c0ffee, with uncommitted changes"),
        *("metric, clean run 3.48 [3.10, 3.90] logits", "metric, corrupted run −1.50 logits", "torch 2.13.0", "seed=3"),
        *("make experiment CONFIG=configs/little.yaml SET='seed=3'", "make report RUN=runs/little/0123456789ab"),
        *("arXiv 2512.05865", "name: little", "80 %, joint definition", "200 resamples", "All 4 prompts"),
        *("Every prompt left out (5)", "5 key", "8 query", "2 relation", "figures/"),
    ):
        assert words in text
    for row in plain.tables.prompts.to_dict("records"):
        assert row["clean"] in text
        assert row["corrupted"] in text
    assert all(reason in text for reason in plain.tables.dropped["reason"])


def test_the_token_strip_shows_both_runs_with_key_and_query_marked(plain):
    page = Page(plain.html)
    shown = [text for where, text in page.texts if "bdi" in where]
    corrupted = [*TOKENS[:4], "hot", *TOKENS[5:]]
    assert shown == [*TOKENS, "small", *corrupted, "cold"]
    classes = [one.get("class", "").split() for one in page.all("li")]
    assert [one for one in classes if "key" in one] == [["key", "differs"]] * 2
    assert [one for one in classes if "query" in one] == [["query"]] * 2


def test_hostile_text_comes_through_literally(hostile):
    page = Page(hostile.html)
    whole = "".join(text for _, text in page.texts)
    # In sentences and the config the line break survives; prompts and tokens show it. 4 prompts have 5 texts each.
    letters = HOSTILE.replace("\n", "⏎")
    assert sum(text == letters for where, text in page.texts if "code" in where) >= 20
    assert whole.count(HOSTILE) > 10
    assert whole.count(letters) >= 18 + 20
    assert all("<script>" in image["aria-label"] for image in page.all("svg"))
    assert "{{" in whole


def test_control_characters_are_shown_and_never_sent(tmp_path):
    written = write(tmp_path, "bell\x07 escape\x1b[31m null\x00 return\rend")
    for text in (written.html, written.markdown):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
        assert "bell␇ escape␛" in text


def test_headings_of_the_same_name_keep_anchors_of_their_own(tmp_path):
    story = Story("T", "Q", ["A"], sections=[Section(title, ["Text."]) for title in ("Tokens", "Tokens", "词", "!?")])
    page = Page(write(tmp_path, story=story).html)
    ids = [one["id"] for one in page.all("h2")]
    assert ids[:5] == ["tokens", "tokens-2", "tokens-3", "part", "part-2"]


def test_no_heading_stands_above_nothing(tmp_path):
    rows = {"Nothing": [], "A row": [["1"]]}
    tables = [Section(title, tables=[TableBlock("Table", ["a"], given)]) for title, given in rows.items()]
    written = write(
        tmp_path, story=Story("T", "Q", ["A"], sections=[Section("Empty"), Section("Words", ["Said."]), *tables])
    )
    titles = [line.removeprefix("## ") for line in written.markdown.splitlines() if line.startswith("## ")]
    text = Page(written.html).text()
    for title, kept in {"Empty": False, "Words": True, "Nothing": False, "A row": True}.items():
        assert (title in titles) is kept
        assert text.count(title) == 2 * kept  # in the contents and above the section


def test_no_figure_is_lost_and_none_is_invented(tmp_path, plain):
    text = Page(plain.html).text()
    assert text.index("Further figures", text.index("A paragraph.")) < text.index("Caption of panel")
    story = Story("T", "Q", ["A"], sections=[Section("S", figures=["curve", "missing"])])
    with pytest.raises(ValueError, match="not drawn: missing"):
        write(tmp_path, story=story)
    assert not (tmp_path / "report.html").exists()


def test_the_same_folder_gives_the_same_bytes(plain, tmp_path):
    again = write(tmp_path)
    for name in ("report.html", "report.md"):
        assert (again.folder / name).read_bytes() == (plain.folder / name).read_bytes()
    assert not list(tmp_path.glob("*.partial"))
