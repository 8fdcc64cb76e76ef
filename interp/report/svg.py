"""Figures as inline SVG: what matplotlib wrote, without what a page does not need, and with names of its own on the page.

Coordinates keep two decimals of a point (1/72 inch), a step along one axis is written as one, and what all parts of a group
have in common stands once, on the group: a third of the bytes, and the same picture.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from markupsafe import Markup

from interp.figures import style
from interp.words.visible import visible

NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
REFERENCE = re.compile(r"#([\w.-]+)")
HREF = "{http://www.w3.org/1999/xlink}href"
FAMILY = f"'{style.FONT}'"
# Of the picture as a whole; matplotlib says the first two for every element of the document, and here that is the page.
ROOT = {"stroke-linejoin": "round", "stroke-linecap": "butt", "font-family": FAMILY}
ALONE = {"opacity", "mix-blend-mode", "isolation"}
"""Properties that mean something else on a group than on each of its parts."""
DROPPED = {"metadata", "style", "title", "desc"}


def inline(path: Path, name: str, label: str) -> tuple[Markup, set[str]]:
    """The element of an SVG file, its ids beginning with `name`, `label` for who cannot see it; and the characters of its texts."""
    root = ElementTree.parse(path).getroot()
    _plain(root)
    _with_own_ids(root, name)
    styles = {node: _style(node) for node in root.iter()}
    for node in root.iter():
        for key in [key for key, value in styles[node].items() if key == "font-family" and value == FAMILY]:
            del styles[node][key]
        for key in ("x", "y", "width", "height", "points"):
            if key in node.attrib:
                node.set(key, _rounded(node.attrib[key], 2))
        if "transform" in node.attrib:
            node.set("transform", _turned(node.attrib["transform"]))
        if "d" in node.attrib:
            node.set("d", _path(node.attrib["d"]))
    _share(root, styles)
    for node in root.iter():
        node.attrib.pop("style", None)
        if told := ";".join(f"{key}:{value}" for key, value in styles[node].items()):
            node.set("style", told)
    kept = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": visible(label)}
    root.attrib.clear()
    root.attrib.update(kept | {"style": ";".join(f"{key}:{value}" for key, value in ROOT.items())})
    characters = set("".join(text for node in root.iter("text") for text in node.itertext()))
    # ElementTree has escaped every text and attribute.
    return Markup(ElementTree.tostring(root, encoding="unicode")), characters


def _plain(element: ElementTree.Element) -> None:
    """Without namespaces, metadata, white space between elements, and groups that say nothing."""
    for node in element.iter():
        node.tag = node.tag.split("}")[-1]
        if HREF in node.attrib:
            # Lines break the base64 of an embedded picture.
            node.set("href", "".join(node.attrib.pop(HREF).split()))
        node.tail = None
        if node.tag not in ("text", "tspan"):
            node.text = None
    for parent in list(element.iter()):
        parent[:] = [node for node in parent if node.tag not in DROPPED]


def _with_own_ids(root: ElementTree.Element, name: str) -> None:
    """Ids that something refers to, as `name` and a number; others go, and groups that are nothing but an id with them."""
    used: dict[str, str] = {}
    for node in root.iter():
        for key, value in node.attrib.items():
            if key == "href" or "url(" in value:
                for reference in REFERENCE.findall(value) if not value.startswith("data:") else ():
                    used.setdefault(reference, f"{name}-{len(used) + 1}")
    for node in root.iter():
        if (had := node.attrib.pop("id", None)) in used:
            node.set("id", used[had])
        for key, value in node.attrib.items():
            if (key == "href" and not value.startswith("data:")) or "url(" in value:
                node.set(key, REFERENCE.sub(lambda match: f"#{used[match[1]]}", value))
    _unwrapped(root)


def _unwrapped(parent: ElementTree.Element) -> None:
    for place in reversed(range(len(parent))):
        child = parent[place]
        _unwrapped(child)
        if (child.tag == "g" and (not child.attrib or not len(child))) or (child.tag == "defs" and not len(child)):
            parent[place : place + 1] = list(child)


def _style(element: ElementTree.Element) -> dict[str, str]:
    pairs = [
        declaration.split(":", 1) for declaration in element.attrib.get("style", "").split(";") if ":" in declaration
    ]
    return {key.strip(): value.strip() for key, value in pairs}


def _share(parent: ElementTree.Element, styles: dict[ElementTree.Element, dict[str, str]]) -> None:
    """Runs of parts of one kind become a group that says what they have in common."""
    for child in list(parent):
        if child.tag not in ("defs", "clipPath"):
            _share(child, styles)
    if parent.tag not in ("g", "svg"):
        return
    runs: list[list[ElementTree.Element]] = []
    for child in parent:
        alike = runs and child.tag in ("path", "use") and _key(runs[-1][0], styles) == _key(child, styles)
        if alike:
            runs[-1].append(child)
        else:
            runs.append([child])
    parent[:] = [
        _group(run, styles) if len(run) > 2 else node for run in runs for node in (run if len(run) <= 2 else run[:1])
    ]


def _key(element: ElementTree.Element, styles: dict[ElementTree.Element, dict[str, str]]) -> tuple[object, ...]:
    return element.tag, element.attrib.get("clip-path"), element.attrib.get("href"), tuple(styles[element])


def _group(run: list[ElementTree.Element], styles: dict[ElementTree.Element, dict[str, str]]) -> ElementTree.Element:
    group = ElementTree.Element("g")
    styles[group] = {}
    for key, value in list(styles[run[0]].items()):
        if key not in ALONE and all(styles[node][key] == value for node in run):
            styles[group][key] = value
            for node in run:
                del styles[node][key]
    if (clip := run[0].attrib.get("clip-path")) and all("transform" not in node.attrib for node in run):
        group.set("clip-path", clip)
        for node in run:
            del node.attrib["clip-path"]
    group.extend(run)
    return group


def _rounded(text: str, decimals: int) -> str:
    return NUMBER.sub(
        lambda match: f"{round(float(match[0]), decimals):.{decimals}f}".rstrip("0").rstrip(".") or "0", text
    )


def _turned(text: str) -> str:
    """A transformation; scales and angles keep more digits than places."""
    return _rounded(" ".join(text.split()), 5)


def _path(text: str) -> str:
    """A path's commands; lines along an axis as H and V."""
    made: list[str] = []
    here: list[str] = []
    start: list[str] = []
    for letter, numbers in COMMAND.findall(text):
        ends = _rounded(numbers, 2).split()
        if letter == "M":
            start = ends
            made.append(f"M{' '.join(ends)}")
        elif letter == "L" and len(ends) == 2 == len(here) and ends[1] == here[1]:
            made.append(f"H{ends[0]}")
        elif letter == "L" and len(ends) == 2 == len(here) and ends[0] == here[0]:
            made.append(f"V{ends[1]}")
        else:
            made.append(f"{letter}{' '.join(ends)}")
        here = ends[-2:] if ends else start
    return "".join(made)
