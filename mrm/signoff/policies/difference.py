"""Two texts compared word by word, for a person who must see what changed."""

import difflib
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Piece:
    text: str
    changed: bool


def difference(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """The pieces of each text in order, those that the other does not hold marked as changed."""
    old, new = _words(before), _words(after)
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    if matcher.ratio() < 0.3:
        return _whole(before), _whole(after)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        _add(left, old[a:b], kind != "equal")
        _add(right, new[c:d], kind != "equal")
    return left, right


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|[\w.,%–-]*\w%?|[^\w\s]", text)


def _whole(text: str) -> list[Piece]:
    return [Piece(text, True)] if text else []


def _add(pieces: list[Piece], words: list[str], changed: bool) -> None:
    if not words:
        return
    text = "".join(words)
    blank = changed and not text.strip()
    pieces.append(Piece(text, changed and not blank))
