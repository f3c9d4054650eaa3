"""Drawings as the press takes them: a line of text as one outline, where the page uses one of every letter by name."""

import re
import xml.etree.ElementTree as ET

import numpy as np
from numpy.typing import NDArray

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_PLACE = re.compile(r"translate\((\S+) (\S+)\)")
_SCALE = re.compile(r"scale\((\S+)\)")
_STEP = re.compile(r"([MLQCz])([^MLQCz]*)")
# a hundredth of the size of the type is the unit of a line: a tenth of that is finer than any press
_POINT = "%.1f %.1f "

Letter = tuple[str, NDArray[np.float64]]


def outlined(svg: bytes) -> bytes:
    """The same drawing with every line of text as one outline; all else is left as it is."""
    root = ET.fromstring(svg)  # noqa: S314  our own drawing, kept under its digest
    letters = {str(each.get("id")): letter for each in root.iter(f"{SVG}path") if (letter := _letter(each))}
    for group in list(root.iter(f"{SVG}g")):
        uses = group.findall(f"{SVG}use")
        names = [str(each.get(LINK)).removeprefix("#") for each in uses]
        if uses and all(name in letters for name in names):
            line = "".join(_placed(letters[name], use) for use, name in zip(uses, names, strict=True))
            group[:] = [ET.Element(f"{SVG}path", d=line)]
    return bytes(ET.tostring(root))


def _letter(path: ET.Element) -> Letter | None:
    """The steps of a letter's outline, and its points in units of a line of text; None for any other path."""
    scale = _SCALE.fullmatch(path.get("transform") or "")
    if scale is None or not path.get("id"):
        return None
    steps, points = "", [np.zeros((0, 2))]
    at = np.zeros(2)
    for step, numbers in _STEP.findall(path.get("d") or ""):
        given = np.array(numbers.split(), dtype=float).reshape(-1, 2) * float(scale[1])
        if step == "Q":  # print knows curves of four points; these are the same ones
            given = np.array([at / 3 + given[0] * 2 / 3, given[1] / 3 + given[0] * 2 / 3, given[1]])
        steps += step.replace("Q", "C") + _POINT * len(given)
        points.append(given)
        at = given[-1] if len(given) else at
    return steps, np.concatenate(points)


def _placed(letter: Letter, use: ET.Element) -> str:
    steps, points = letter
    place = _PLACE.fullmatch(use.get("transform") or "")
    moved = (float(place[1]), float(place[2])) if place else (0.0, 0.0)
    return steps % tuple((points + moved).ravel())
