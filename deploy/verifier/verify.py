#!/usr/bin/env python3
"""Checks an exported audit log offline, trusting neither the server that made it nor its database.

    python verify.py BUNDLE [--key VKEY ...] [--since OLD_CHECKPOINT] [--anchor FILE_OR_FOLDER ...]
                            [--tsa CERT] [--witness VKEY] [--quick] [--jobs N] [--json]

BUNDLE is the exported zip, or the folder it was unpacked to. One line is printed for each verdict:

    INTEGRITY             the events are those that the signed checkpoints cover: none changed, missing, added or moved
    ANCHORED              somebody outside saw the log at some size; UNANCHORED when nobody vouches for it
    COMPLETENESS          the changes in the events, put one upon the other, give exactly the live rows
    SEPARATION OF DUTIES  each decision is what its pinned policy makes of the votes, and no party's vote counted

The exit status is 0 when nothing differs, 1 when something does, 2 when the bundle cannot be read.

One file, Python 3.9 or later, the standard library alone; the package `cryptography` is used when it is there, because
it checks signatures faster. Formats: RFC 6962 and RFC 9162 (the Merkle tree), RFC 3161 (time stamps), RFC 8032
(Ed25519), WebAuthn with RFC 9052 (what security keys signed), and of c2sp.org: signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, tlog-cosignature.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import datetime as dt
import gc
import hashlib
import io
import json
import marshal
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from json.encoder import encode_basestring as quoted
from time import monotonic
from typing import Any, BinaryIO, Callable, NamedTuple

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes as crypto_hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
except ImportError:
    x509 = None

sha256 = hashlib.sha256

FORMAT, VERSION = "mrm-audit-bundle", 1
WIDTH = 256  # hashes in a full tile
MOST_SHOWN = 100  # findings kept for --json
CLOCK_TOLERANCE = 600  # seconds by which two clocks may disagree before it is a finding
SPILL_AT = 4 * 1024 * 1024  # bytes of records kept in memory before they go to temporary files
SIDE_BY_SIDE_FROM = 20_000  # events from which on several processes are worth their start
LINES_SKIPPED = 0.16  # what passing over an event's line costs, of what checking the event costs
BLOCK = 256 * 1024  # bytes of lines read at a time
SMALL, LINE, LARGE = 4 * 1024 * 1024, 64 * 1024 * 1024, 512 * 1024 * 1024  # most bytes of a file, line, change list
UNREAD = {"verify.py", "README.md"}  # in the bundle for people; what they say proves nothing

INTEGRITY, ANCHORED, COMPLETENESS, DUTIES = "INTEGRITY", "ANCHORED", "COMPLETENESS", "SEPARATION OF DUTIES"


class Unreadable(Exception):
    """What was given is no bundle, key or certificate: exit status 2."""


class Cut(Exception):
    """The log cannot be followed further; what is said becomes the finding."""


class Malformed(Exception):
    """One part is not written as its format asks; the sentence says where."""


# ------------------------------------------------------------------------------------------------------------ verdicts


class Verdict:
    """What one check found. `unchecked` says why nothing could be said."""

    def __init__(self, name: str) -> None:
        self.name, self.count, self.findings, self.told, self.unchecked = name, 0, [], "", ""

    def find(self, sentence: str) -> None:
        self.add(1, [sentence])

    def add(self, count: int, findings: list[str]) -> None:
        """What was found, perhaps in another process."""
        self.count += count
        self.findings += findings
        if len(self.findings) > 2 * MOST_SHOWN:
            self.order()

    def order(self) -> None:
        """Only the first findings, the earliest event first: the same in whatever order processes found them. Decisions
        and anchors are looked at one after the other, and their first finding is the one from which others follow."""
        if self.name in (INTEGRITY, COMPLETENESS):
            self.findings.sort(key=_place_of)
        del self.findings[MOST_SHOWN:]

    @property
    def state(self) -> str:
        return "FAILED" if self.count else "NOT CHECKED" if self.unchecked else "OK"

    @property
    def sentence(self) -> str:
        if not self.count:
            return self.unchecked or self.told
        more = f" (and {self.count - 1} more)" if self.count > 1 else ""
        return self.findings[0] + more


def _place_of(finding: str) -> tuple[int, str]:
    event = re.search(r"\bevent ([0-9]+)", finding)
    return (int(event[1]) if event else 2**63, finding)


class Report:
    def __init__(self) -> None:
        self.verdicts = {name: Verdict(name) for name in (INTEGRITY, ANCHORED, COMPLETENESS, DUTIES)}
        self.began = monotonic()

    def __getitem__(self, name: str) -> Verdict:
        return self.verdicts[name]

    @property
    def exit_status(self) -> int:
        return 1 if any(verdict.count for verdict in self.verdicts.values()) else 0

    def lines(self) -> list[str]:
        return [f"{each.name:<22}{each.state:<13}{each.sentence}" for each in self.verdicts.values()]

    def as_json(self) -> dict[str, Any]:
        told = [
            {"name": each.name, "state": each.state, "sentence": each.sentence, "findings": each.findings}
            for each in self.verdicts.values()
        ]
        return {
            "exit_status": self.exit_status,
            "verdicts": told,
            "seconds": round(monotonic() - self.began, 2),
        }


class Options(NamedTuple):
    """What the auditor brings along: it is trusted, the bundle is not. `quick` looks at hashes and signatures alone;
    `jobs` is the number of processes, 0 for as many as the machine has cores when the bundle is large."""

    keys: tuple[str, ...] = ()
    since: str | None = None
    anchors: tuple[tuple[str, bytes], ...] = ()
    authorities: tuple[bytes, ...] = ()
    witnesses: tuple[str, ...] = ()
    quick: bool = False
    jobs: int = 0


# ----------------------------------------------------------------------------------------------------------- side by side


def side_by_side(tasks: list[Callable[[], Any]], meanwhile: Callable[[], None]) -> list[Any]:
    """What each task gives. A single one is carried out here; several each in a process forked from this one, which
    does something else meanwhile. What they give are plain values that travel through a pipe."""
    if len(tasks) == 1:
        meanwhile()
        return [tasks[0]()]
    sys.stdout.flush()
    running: list[tuple[int, int]] = []
    try:
        for task in tasks:
            running.append(_forked(task))  # noqa: PERF401  (those begun before one fails are ended below)
        meanwhile()
        found = []
        while running:
            found.append(_fetched(*running.pop(0)))
        return found
    finally:
        for process, pipe in running:  # only when something went wrong before they were heard
            os.close(pipe)
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _forked(task: Callable[[], Any]) -> tuple[int, int]:
    """The process that carries out the task, and the pipe on which it tells."""
    heard, told = os.pipe()
    process = os.fork()
    if process:
        os.close(told)
        return process, heard
    try:  # nothing of the parent's may run on in here: no handler, no clearing up
        os.close(heard)
        try:
            result = (True, task())
        except Exception as error:  # (told to the parent, which says it in one line)
            result = (False, _in_words(error))
        with os.fdopen(told, "wb") as pipe:
            marshal.dump(result, pipe)
    finally:
        os._exit(0)


def _fetched(process: int, pipe: int) -> Any:
    with os.fdopen(pipe, "rb") as told:
        raw = told.read()
    os.waitpid(process, 0)
    try:
        fine, result = marshal.loads(raw)  # noqa: S302  (written by our own process)
    except (EOFError, ValueError, TypeError):
        raise Unreadable("a process of the check ended before it was done; is memory short?") from None
    if not fine:
        raise Unreadable(result)
    return result


def _in_words(error: Exception) -> str:
    if isinstance(error, (Unreadable, Cut, Malformed)):
        return str(error)
    return f"the bundle cannot be read: {type(error).__name__}: {error}"


def cores(asked: int, events: int) -> int:
    """How many processes to use: as asked; else all cores for a large bundle, where processes can be forked safely."""
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return 1
    if asked:
        return asked
    if events < SIDE_BY_SIDE_FROM:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ----------------------------------------------------------------------------------------------------- the bundle's files

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*(/[A-Za-z0-9_][A-Za-z0-9_.:-]*)*")


def check_name(name: str) -> str:
    if len(name) > 300 or not NAME.fullmatch(name) or ".." in name:
        raise Unreadable(f"the bundle holds a file named {name[:80]!r}; such a name is not read")
    return name


class Files:
    """Files by name, wherever they are, numbered; `used` remembers by number what was looked at."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.used = bytearray()

    def add(self, name: str) -> None:
        if self.names.setdefault(check_name(name), len(self.used)) != len(self.used):
            raise Unreadable(f"the bundle holds {name} twice")
        self.used.append(0)

    def unused(self, *beginnings: str) -> list[str]:
        """The names that begin so, of files that were not looked at."""
        return [name for name, number in self.names.items() if not self.used[number] and name.startswith(beginnings)]

    def open(self, name: str) -> BinaryIO:
        raise NotImplementedError

    def reopen(self) -> None:
        """In a forked process: open anew what may not be shared with the others."""

    def has(self, name: str) -> bool:
        return name in self.names

    def stream(self, name: str) -> BinaryIO:
        if name not in self.names:
            raise Cut(f"{name} is missing")
        self.used[self.names[name]] = 1
        return self.open(name)

    def read(self, name: str, most: int = SMALL) -> bytes:
        with self.stream(name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise Unreadable(f"{name} is larger than {most} bytes; that is not read")
        return content

    def lines(self, name: str, after: int = 0) -> Iterator[bytes]:
        """The lines but the first `after`, which are passed over as fast as they can be read; without newlines."""
        with self.stream(name) as file:
            rest = b""
            while block := file.read(BLOCK):
                if after and (here := block.count(b"\n")) < after:
                    after -= here
                    continue
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                yield from lines[after:]
                after = 0
                if len(rest) > LINE:
                    break
            if after:
                raise Cut(f"{name} ends {after} lines too early")
            if rest:
                raise Cut(f"{name} does not end in a newline, or holds a line of more than {LINE} bytes")


class Zip(Files):
    """A zip, of whose many entries only what is needed to read them is kept: a third of the memory."""

    KEPT = ("header_offset", "compress_size", "file_size", "CRC", "flag_bits", "compress_type")
    PLACE = struct.Struct("<QQQIHH")

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        archive = zipfile.ZipFile(path)
        entries, archive.filelist = archive.filelist, []
        archive.NameToInfo.clear()
        entries.sort(key=lambda entry: entry.header_offset, reverse=True)
        self.places = bytearray()
        end = 0
        while entries:
            entry = entries.pop()
            if entry.header_offset < end:
                raise Unreadable(f"{check_name(entry.filename)} and the file before it share bytes of the zip")
            end = entry.header_offset + entry.compress_size
            if entry.filename.endswith("/"):
                continue
            name = entry.filename
            self.add(name)
            if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise Unreadable(f"{name} is encrypted, or packed in a way that is not read")
            self.places += self.PLACE.pack(*(getattr(entry, each) for each in self.KEPT))
        self.archive = archive

    def open(self, name: str) -> BinaryIO:
        entry = zipfile.ZipInfo(name)
        entry.orig_filename = name
        for each, value in zip(self.KEPT, self.PLACE.unpack_from(self.places, self.names[name] * self.PLACE.size)):
            setattr(entry, each, value)
        return self.archive.open(entry)  # type: ignore[return-value]

    def reopen(self) -> None:
        """Two processes with one file move each other's place in it."""
        self.archive.fp = open(self.path, "rb")  # noqa: SIM115  (closed with the process)


class Folder(Files):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                if os.path.islink(os.path.join(folder, name)):
                    raise Unreadable(f"the bundle holds a link named {name!r}; links are not followed")
            within = os.path.relpath(folder, path)
            parts = [] if within == "." else within.split(os.sep)
            for name in files:
                self.add("/".join([*parts, name]))

    def open(self, name: str) -> BinaryIO:
        return open(os.path.join(self.path, *name.split("/")), "rb")


class Memory(Files):
    """A bundle held as names and bytes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__()
        self.files = files
        for name in files:
            self.add(name)

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.files[name])


def open_bundle(path: str) -> Files:
    if os.path.isdir(path):
        return Folder(path)
    if not os.path.exists(path):
        raise Unreadable(f"there is no file {path}")
    if not zipfile.is_zipfile(path):
        raise Unreadable(f"{path} is neither a zip file nor a folder")
    return Zip(path)


# -------------------------------------------------------------------------------------------------------- canonical JSON


def _whole(text: str) -> int:
    number = int(text)
    if not -(2**53) < number < 2**53:
        raise Malformed(f"holds the number {text}, which is too large to be exact; such numbers are written as text")
    return number


def _fraction(text: str) -> Any:
    raise Malformed(f"holds the number {text}; a number with a fraction is written as text")


_decoder = json.JSONDecoder(parse_float=_fraction, parse_int=_whole, parse_constant=_fraction)
_decode, _scan = _decoder.decode, _decoder.scan_once
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _encoding() -> Callable[[Any], str]:
    """What writes a value canonically: the part in C directly where there is one, for it is called for every row."""
    try:
        chunks = json.encoder.c_make_encoder(None, _encoder.default, quoted, None, ":", ",", True, False, False)
        if "".join(chunks({"b": [1, None], "a": "\u00e9"}, 0)) == '{"a":"\u00e9","b":[1,null]}':
            return lambda value: "".join(chunks(value, 0))
    except (AttributeError, TypeError):
        pass
    return _encoder.encode


encode = _encoding()
FOREIGN_KEY = re.compile(r'[^\x00-\x7f][^"]*":')  # only a key is followed by a colon


def parse(raw: bytes, what: str) -> Any:
    """The value of JSON bytes that must be canonical: equal values have equal bytes, so nothing hides in the writing."""
    try:
        text = raw.decode("utf-8")
        value = _decode(text)
    except Malformed as error:
        raise Malformed(f"{what} {error}") from None
    except ValueError as error:
        raise Malformed(f"{what} is not JSON: {error}") from None
    _check_canonical(value, text, what)
    return value


def _check_canonical(value: Any, text: str, what: str) -> None:
    if encode(value) != text:
        raise Malformed(f"{what} is not written in the canonical form")
    if fault := composed_fault(value, text):
        raise Malformed(f"{what} {fault}")


def is_plainly_composed(text: str) -> bool:
    """Whether no string within JSON can be at fault; looking at each would take ten times as long."""
    return text.isascii() or (
        unicodedata.is_normalized("NFC", text) and '\\"' not in text and not FOREIGN_KEY.search(text)
    )


def composed_fault(value: Any, text: str) -> str:
    """Which text in the value is not as canonical JSON asks: keys in ASCII, text in the composed form."""
    if is_plainly_composed(text):
        return ""
    waiting = [value]
    for each in waiting:
        if isinstance(each, dict):
            if not all(key.isascii() for key in each):
                return "has a key that is not ASCII"
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, str) and not unicodedata.is_normalized("NFC", each):
            return "holds text that is not in the composed form (NFC)"
    return ""


def mapping(value: Any, keys: str, what: str) -> dict[str, Any]:
    """The value, which must be an object with exactly these keys."""
    names = keys.split()
    if not isinstance(value, dict) or set(value) != set(names):
        raise Malformed(f"{what} must hold exactly {', '.join(names)}")
    return value


def read_json(files: Files, name: str, keys: str, most: int = SMALL) -> dict[str, Any]:
    """A small file of the bundle, written by hand or machine: any JSON with exactly these keys, each once."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key is there twice")
        return found

    try:
        value = json.loads(files.read(name, most).decode("utf-8"), object_pairs_hook=once)
    except ValueError as error:
        raise Unreadable(f"{name} is not JSON: {error}") from None
    except Cut as error:
        raise Unreadable(str(error)) from None
    try:
        return mapping(value, keys, name)
    except Malformed as error:
        raise Unreadable(str(error)) from None


# --------------------------------------------------------------------------------------------- the tree (RFC 6962, 9162)

EMPTY_ROOT = sha256(b"").digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree: `peaks` are the roots of its complete subtrees, `rows` the hashes of the tiles now being filled."""

    def __init__(self, size: int = 0, rows: list[list[bytes]] | None = None) -> None:
        self.size = size
        self.rows: list[list[bytes]] = rows or [[]]
        self.peaks: list[bytes] = []
        for row in reversed(self.rows):  # the highest level holds the leftmost, largest subtrees
            at = 0
            for bit in range(7, -1, -1):
                if len(row) >> bit & 1:
                    self.peaks.append(_complete_root(row[at : at + (1 << bit)]))
                    at += 1 << bit

    def append(self, leaf: bytes) -> None:
        self.rows[0].append(leaf)
        self._carry(leaf, 0)
        self.size += 1

    def extend(self, leaves: list[bytes]) -> None:
        """Append leaves; a whole tile at once is summed up first, which is faster."""
        if len(leaves) < WIDTH or self.size % WIDTH:
            for leaf in leaves:
                self.append(leaf)
            return
        self.rows[0] += leaves
        if len(self.rows) == 1:
            self.rows.append([])
        root = _complete_root(leaves)
        self.rows[1].append(root)
        self._carry(root, 8)
        self.size += WIDTH

    def _carry(self, found: bytes, level: int) -> None:
        """Put the root of a subtree of 2**level leaves to the peaks; equals merge."""
        rows, peaks, rest = self.rows, self.peaks, self.size >> level
        while rest & 1:
            found = sha256(b"\x01" + peaks.pop() + found).digest()
            rest >>= 1
            level += 1
            if not level & 7:
                if level >> 3 == len(rows):
                    rows.append([])
                rows[level >> 3].append(found)
        peaks.append(found)

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            found = node(left, found)
        return found


def _complete_root(row: list[bytes]) -> bytes:
    while len(row) > 1:
        whole = b"".join(row)
        row = [sha256(b"\x01" + whole[at : at + 64]).digest() for at in range(0, len(whole), 64)]
    return row[0]


def proved_root(index: int, size: int, leaf: bytes, proof: list[bytes]) -> bytes:
    """The root to which the proof leads from the leaf: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise Malformed(f"a tree of {size} events has no event {index}")
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Malformed("the proof has too many hashes")
        if position & 1 or position == last:
            found = node(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise Malformed("the proof has too few hashes")
    return found


def grown_roots(old: int, new: int, old_root: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The old and the new root to which a consistency proof leads: RFC 9162, section 2.1.4.2; 0 < old < new."""
    chain = list(proof) if old & (old - 1) else [old_root, *proof]
    if not chain:
        raise Malformed("the proof is empty")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = chain[0]
    for each in chain[1:]:
        if last == 0:
            raise Malformed("the proof has too many hashes")
        if position & 1 or position == last:
            first, second = node(each, first), node(each, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = node(second, each)
        position, last = position >> 1, last >> 1
    if last:
        raise Malformed("the proof has too few hashes")
    return first, second


def place(index: int, width: int) -> str:
    """The path of a tile below its level: groups of three digits, .p/<width> when it is not full (tlog-tiles)."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups)) + ("" if width == WIDTH else f".p/{width}")


def width_of(level: int, index: int, size: int) -> int:
    return max(0, min(WIDTH, (size >> 8 * level) - index * WIDTH))


# ---------------------------------------------------------------------------------------------------- Ed25519 (RFC 8032)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _point(encoded: bytes) -> tuple[int, int, int, int] | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _add(p: tuple[int, int, int, int], q: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point = _add(point, point)
        scalar >>= 1
    return found


_BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_by_hand(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds, by the equation of RFC 8032, section 5.1.7."""
    key, scalar = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or scalar >= L or _BASE is None:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    x, y, z, _ = _add(_times(scalar, _BASE), _times(challenge, (P - key[0], key[1], 1, P - key[3])))
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    if x509 is None:
        return ed25519_by_hand(public, message, signature)
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# ----------------------------------------------------------------- notes, checkpoints and cosignatures (c2sp.org formats)

ED25519, COSIGNATURE = 1, 4
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class Key(NamedTuple):
    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name} ({self.id.hex()})"


class Line(NamedTuple):
    """A signature line of a note."""

    name: str
    id: bytes
    content: bytes


class Checkpoint(NamedTuple):
    origin: str
    size: int
    root: bytes
    text: str
    lines: tuple[Line, ...]


def strict_base64(text: str, what: str, length: int = 0) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"{what} is not base64") from None
    if base64.b64encode(content).decode() != text or (length and len(content) != length):
        raise Malformed(f"{what} is not written as base64 writes it, or has another length")
    return content


def parse_key(text: str) -> Key:
    parts = text.strip("\n").split("+", 2)
    if len(parts) != 3 or not _is_name(parts[0]):
        raise Malformed("a key is a name, an id and base64 with + between")
    content = strict_base64(parts[2], "the key", 33)
    key = Key(parts[0], content[0], content[1:])
    if key.kind not in (ED25519, COSIGNATURE) or key.id.hex() != parts[1]:
        raise Malformed(f"the key {parts[0]} is of an unknown kind, or its id is not {parts[1]}")
    return key


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def note_text(raw: bytes, what: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed(f"{what} is not UTF-8") from None
    if any(sign < " " and sign != "\n" for sign in text):
        raise Malformed(f"{what} holds a control character")
    return text


def parse_lines(text: str, what: str) -> tuple[Line, ...]:
    if not text.endswith("\n"):
        raise Malformed(f"{what} does not end in a newline")
    found = []
    for line in text[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
            raise Malformed(f"{what} has a signature line that is none")
        content = strict_base64(parts[2], f"a signature of {what}")
        if len(content) < 5:
            raise Malformed(f"{what} has a signature that is too short")
        found.append(Line(parts[1], content[:4], content[4:]))
    if len(found) > 100 or len({(each.name, each.id) for each in found}) < len(found):
        raise Malformed(f"{what} is signed twice by one key, or by more than a hundred")
    return tuple(found)


def parse_checkpoint(note: str, what: str) -> Checkpoint:
    text, blank, signatures = note.rpartition("\n\n")
    if not blank:
        raise Malformed(f"{what} has no signatures after a blank line")
    lines = text.split("\n")
    if len(lines) < 3 or not all(lines) or not NUMBER.fullmatch(lines[1]):
        raise Malformed(f"{what} is no checkpoint: origin, size and root, a line each")
    root = strict_base64(lines[2], f"the root of {what}", 32)
    return Checkpoint(lines[0], int(lines[1]), root, text + "\n", parse_lines(signatures, what))


class Keys:
    """The keys that may have signed: those the auditor trusts, and those the bundle only names."""

    def __init__(self, files: Files, options: Options) -> None:
        named = read_json(files, "keys.json", "log witnesses timestamp_authorities")
        if not all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in named.values()):
            raise Unreadable("keys.json must hold lists of text")
        self.own = self._parsed(named["log"], "keys.json")
        self.named_witnesses = self._parsed(named["witnesses"], "keys.json")
        self.authorities = [each.encode() for each in named["timestamp_authorities"]]
        self.trusted = self._parsed(options.keys, "--key")
        self.witnesses = self._parsed(options.witnesses, "--witness")
        self.log = {(key.name, key.id): key for key in self.own + self.trusted if key.kind == ED25519}
        seers = self.named_witnesses + self.witnesses
        self.seers = {(key.name, key.id): key for key in seers if key.kind == COSIGNATURE}
        self.needed = {(key.name, key.id) for key in (self.trusted or self.own) if key.kind == ED25519}

    def _parsed(self, texts: Any, source: str) -> list[Key]:
        try:
            return [parse_key(text) for text in texts]
        except Malformed as error:
            raise Unreadable(f"{source}: {error}") from None

    def check(self, checkpoint: Checkpoint, what: str) -> dict[Key, int]:
        """Raise unless every signature is by a named key and holds, one of them by a key that counts.

        Gives the witnesses that cosigned, with their times.
        """
        seen, counted, message = {}, False, checkpoint.text.encode()
        for line in checkpoint.lines:
            name = (line.name, line.id)
            if name in self.log:
                if not ed25519_holds(self.log[name].public, message, line.content):
                    raise Malformed(f"{what}: the signature of {self.log[name]} does not hold")
                counted = counted or name in self.needed
            elif name in self.seers:
                seen[self.seers[name]] = cosigned_at(checkpoint.text, line, self.seers[name], what)
            else:
                raise Malformed(f"{what} is signed by {line.name} ({line.id.hex()}), a key that nobody named")
        if not counted:
            whom = "the key given" if self.trusted else "a key of the bundle"
            raise Malformed(f"{what} is not signed by {whom}")
        return seen


def cosigned_at(text: str, line: Line, key: Key, what: str) -> int:
    """The time at which a witness cosigned a checkpoint's text (tlog-cosignature, Ed25519)."""
    if len(line.content) != 72:
        raise Malformed(f"{what}: the cosignature of {key} has not 72 bytes")
    time = int.from_bytes(line.content[:8], "big")
    if time >= 2**63 or not ed25519_holds(
        key.public, f"cosignature/v1\ntime {time}\n{text}".encode(), line.content[8:]
    ):
        raise Malformed(f"{what}: the cosignature of {key} does not hold")
    return time


class Proof(NamedTuple):
    index: int
    hashes: list[bytes]
    note: str


def parse_proof(raw: bytes, what: str) -> Proof:
    """A receipt in the form of c2sp.org/tlog-proof, version 1."""
    head, blank, note = note_text(raw, what).partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1":
        raise Malformed(f"{what} does not begin as a tlog-proof, or holds no checkpoint")
    del lines[0]
    if lines and lines[0].startswith("extra "):
        strict_base64(lines.pop(0)[6:], f"the extra data of {what}")
    if not lines or not lines[0].startswith("index ") or not NUMBER.fullmatch(lines[0][6:]):
        raise Malformed(f"{what} does not say the index of its event")
    hashes = [strict_base64(line, f"a hash of {what}", 32) for line in lines[1:]]
    return Proof(int(lines[0][6:]), hashes, note)


# ----------------------------------------------------------------------------------------------------- records on disk


class Spill:
    """Records by key, in order; they go to temporary files when they are many, and come back in parts that fit."""

    def __init__(self, folder: Callable[[], str], expected: int, most: int = 0) -> None:
        self.folder, self.parts, self.most = folder, max(1, min(4096, expected // 8192)), most or SPILL_AT
        self.rows: list[list[tuple[Any, ...]]] = [[] for _ in range(self.parts)]
        self.files: dict[int, list[str]] = {}  # in the order of the log
        self.weight, self.name = 0, f"{id(self):x}"

    def add(self, records: list[tuple[Any, ...]], weight: int) -> None:
        """Records that begin with their keys; their weight is about the bytes that they take together."""
        rows, parts = self.rows, self.parts
        for record in records:
            rows[hash(record[0]) % parts].append(record)
        self.weight += weight
        if self.weight > self.most:
            self.flush()

    def flush(self) -> None:
        for part, rows in enumerate(self.rows):
            if rows:
                path = os.path.join(self.folder(), f"{self.name}-{part}")
                _marshal(path, rows)
                files = self.files.setdefault(part, [])
                if path not in files:
                    files.append(path)
                self.rows[part] = []
        self.weight = 0

    def apart(self, number: int) -> None:
        """In a forked process: files of its own. Keys fall into the same parts, as the forks share their hashing."""
        self.name += f".{number}"

    def join(self, files: dict[int, list[str]]) -> None:
        """The files that a forked process leaves."""
        for part, paths in files.items():
            self.files.setdefault(part, []).extend(paths)

    def read(self, part: int) -> Iterator[tuple[Any, ...]]:
        for path in self.files.get(part, ()):
            for rows in _marshalled(path):
                yield from rows
        yield from self.rows[part]


def _marshal(path: str, rows: list[Any]) -> None:
    """Append rows to a temporary file, their length before them: reading them piece by piece would take far longer."""
    raw = marshal.dumps(rows)
    with open(path, "ab") as file:
        file.write(len(raw).to_bytes(8, "big"))
        file.write(raw)


def _marshalled(path: str) -> Iterator[list[Any]]:
    with open(path, "rb") as file:
        while length := file.read(8):
            yield marshal.loads(file.read(int.from_bytes(length, "big")))  # noqa: S302  (our own temporary file)


class Kept:
    """Small facts by name, in memory up to a limit and in a temporary database beyond it."""

    MOST = 1_000

    def __init__(self, folder: Callable[[], str]) -> None:
        self.folder, self.near = folder, {}
        self.far: sqlite3.Connection | None = None

    def get(self, name: str, missing: Any = None) -> Any:
        if name in self.near:
            return self.near[name]
        if self.far is None:
            return missing
        row = self.far.execute("SELECT v FROM kept WHERE k = ?", (name,)).fetchone()
        return marshal.loads(row[0]) if row else missing  # noqa: S302  (our own temporary file)

    def put(self, name: str, value: Any) -> None:
        self.near[name] = value
        if len(self.near) > self.MOST:
            if self.far is None:
                self.far = sqlite3.connect(os.path.join(self.folder(), "kept"), isolation_level=None)
                self.far.execute("PRAGMA journal_mode = OFF")
                self.far.execute("PRAGMA synchronous = OFF")
                self.far.execute("PRAGMA cache_size = -1000")  # KiB
                self.far.execute("CREATE TABLE kept (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID")
            rows = [(key, marshal.dumps(each)) for key, each in self.near.items()]
            self.far.execute("BEGIN")
            self.far.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)
            self.far.execute("COMMIT")
            self.near = {}

    def named(self, beginning: str) -> Iterator[tuple[str, Any]]:
        """Every fact whose name begins so."""
        for name, value in self.near.items():
            if name.startswith(beginning):
                yield name, value
        if self.far is not None:
            end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
            for name, value in self.far.execute("SELECT k, v FROM kept WHERE k >= ? AND k < ?", (beginning, end)):
                if name not in self.near:
                    yield name, marshal.loads(value)  # noqa: S302  (our own temporary file)

    def close(self) -> None:
        if self.far is not None:
            self.far.close()


class Desk:
    """A temporary folder, made when first needed and removed at the end."""

    def __init__(self) -> None:
        self.path = ""

    def __call__(self) -> str:
        if not self.path:
            self.path = tempfile.mkdtemp(prefix="verify-")
        return self.path

    def clear(self) -> None:
        if self.path:
            shutil.rmtree(self.path, ignore_errors=True)


# -------------------------------------------------------------------------------------------------------------- events

EVENT = ["actor", "at", "changes", "details", "id", "object", "outcome", "reason", "request_id", "subject", "v", "verb"]
ACTOR = ["key", "name", "on_behalf_of", "person", "roles"]
OBJECT = ["id", "prev", "seq", "type"]
SUBJECT = ["id", "label", "type"]
CHANGE = ["after", "before", "op", "row", "table"]
TEXTS = ["at", "id", "outcome", "reason", "request_id", "verb"]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DIGEST = re.compile(r"[0-9a-f]{64}")
VERB = re.compile(r"[a-z]+\.[a-z_]+")
POSITION = re.compile(rb"[1-9][0-9]{0,18}")
_days: set[str] = set()


def is_moment(text: Any) -> bool:
    """Whether this is a time in UTC with microseconds, written as 2026-11-21T03:27:00.123456Z."""
    if text.__class__ is not str or not MOMENT.fullmatch(text):
        return False
    if text[:10] in _days:
        return True
    try:
        dt.date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    _days.add(text[:10])
    return True


def seconds(moment: str) -> float:
    return dt.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.timezone.utc).timestamp()


def event_fault(event: Any) -> str:
    """Where the event breaks the schema of events, version 1; empty when it does not."""
    if event.__class__ is not dict or list(event) != EVENT:
        return f"must hold exactly {', '.join(EVENT)}"
    actor, thing, subject = event["actor"], event["object"], event["subject"]
    if actor.__class__ is not dict or list(actor) != ACTOR:
        return f"actor must hold exactly {', '.join(ACTOR)}"
    if thing.__class__ is not dict or list(thing) != OBJECT:
        return f"object must hold exactly {', '.join(OBJECT)}"
    if subject.__class__ is not dict or list(subject) != SUBJECT:
        return f"subject must hold exactly {', '.join(SUBJECT)}"
    if event["v"].__class__ is not int or event["v"] != 1:
        return "v must be 1"
    texts = (
        *(event[name] for name in TEXTS),
        *(actor["key"], actor["name"], actor["on_behalf_of"], actor["person"]),
        *(thing["id"], thing["prev"], thing["type"], subject["id"], subject["label"], subject["type"]),
    )
    if set(map(type, texts)) != {str}:
        return f"{', '.join(TEXTS)} and the parts of actor, object and subject must be text"
    if actor["roles"].__class__ is not list or not all(role.__class__ is str for role in actor["roles"]):
        return "actor.roles must be a list of text"
    return content_fault(event)


def content_fault(event: dict[str, Any]) -> str:
    """Where an event of the right shape breaks a rule of the schema; empty when it does not."""
    actor, thing, subject = event["actor"], event["object"], event["subject"]
    if not actor["key"] or not thing["id"] or not thing["type"] or not subject["id"] or not subject["type"]:
        return "actor.key, object and subject must not be empty"
    if not is_moment(event["at"]):
        return "at must be a time such as 2026-11-21T03:27:00.123456Z"
    if not UUID.fullmatch(event["id"]) or not VERB.fullmatch(event["verb"]):
        return "id must be a UUID, and verb such as area.action"
    if event["outcome"] not in ("done", "refused"):
        return "outcome must be done or refused"
    if thing["seq"].__class__ is not int or thing["seq"] < 1:
        return "object.seq must be a number from 1"
    if (thing["prev"] != "") != (thing["seq"] > 1) or (thing["prev"] and not DIGEST.fullmatch(thing["prev"])):
        return "object.prev must be the hash of the event before, and empty for the first"
    if event["details"].__class__ is not dict:
        return "details must be an object"
    return held_fault(event["changes"]) if event["changes"].__class__ is dict else changes_fault(event)


def held_fault(held: dict[str, Any]) -> str:
    if list(held) != ["count", "sha256"] or held["count"].__class__ is not int or held["count"] < 1:
        return "changes held by digest must say count and sha256"
    if held["sha256"].__class__ is not str or not DIGEST.fullmatch(held["sha256"]):
        return "changes.sha256 must be a digest in hexadecimal"
    return ""


def changes_fault(event: dict[str, Any]) -> str:
    changes = event["changes"]
    if changes.__class__ is not list:
        return "changes must be a list"
    if changes and event["outcome"] == "refused":
        return "a refused event must change nothing"
    for number, change in enumerate(changes):
        if fault := change_fault(change):
            return f"changes[{number}] {fault}"
    return ""


def change_fault(change: Any) -> str:
    if change.__class__ is not dict or list(change) != CHANGE:
        return f"must hold exactly {', '.join(CHANGE)}"
    before, after, op = change["before"], change["after"], change["op"]
    if change["table"].__class__ is not str or not change["table"] or change["row"].__class__ is not str:
        return "must name its table and row"
    if op == "insert":
        fine = before is None and after.__class__ is dict and bool(after)
    elif op == "delete":
        fine = after is None and before.__class__ is dict and bool(before)
    elif op == "update":
        fine = before.__class__ is dict and after.__class__ is dict and list(before) == list(after)
    else:
        return "must be an insert, update or delete"
    return "" if fine else "must hold the row before and after as its kind of change asks"


# an event in its canonical writing, cut at its row changes and details, which can be anything: only what the schema
# allows matches, so that most events are read without taking them apart
_PLAIN = r'[^"\\\x00-\x1f]*'
_STRING = rf'"{_PLAIN}(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f])){_PLAIN})*"'
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILLED = rf'(?!""){_STRING}'
BEFORE_CHANGES = re.compile(
    rf'{{"actor":{{"key":({_FILLED}),"name":({_STRING}),"on_behalf_of":({_STRING}),"person":({_STRING}),'
    rf'"roles":(\[(?:{_STRING}(?:,{_STRING})*)?\])}},"at":"({MOMENT.pattern})","changes":',
    re.ASCII,
)
AFTER_DETAILS = re.compile(
    rf',"id":("{_UUID}"),"object":{{"id":({_FILLED}),"prev":("(?:[0-9a-f]{{64}})?"),"seq":([1-9][0-9]{{0,15}}),'
    rf'"type":({_FILLED})}},"outcome":("done"|"refused"),"reason":({_STRING}),"request_id":({_STRING}),'
    rf'"subject":{{"id":({_FILLED}),"label":({_STRING}),"type":({_FILLED})}},"v":1,"verb":("{VERB.pattern}")}}'
)


MOST_REMEMBERED = 2_000
_actors: dict[str, list[str]] = {}  # events up to the actor's end as written, and the five parts found there
_details: set[str] = set()  # details as written that were found to be whole, canonical objects: most come again


class Event:
    """One event as its payload says it. The parts are JSON as it is written there, quotes included."""

    __slots__ = (
        "at", "changes", "details", "id", "key", "kind", "kind_id", "label", "name", "outcome", "person", "prev",
        "principal", "reason", "request", "roles", "seq", "subject", "subject_id", "text", "verb",
    )  # fmt: skip

    @property
    def whole(self) -> dict[str, Any]:
        """All of it as values; most events never need that."""
        value: dict[str, Any] = _decode(self.text)
        return value


def read_event(payload: bytes) -> Event:
    """The event of a payload that is canonical and as the schema says; if it is not, the slow way says why."""
    try:
        event = _read(payload.decode("utf-8"))
        if event is not None:
            return event
    except (ValueError, StopIteration, Malformed):
        pass
    raise Malformed(event_fault(parse(payload, "the payload")) or "the payload is not written in the canonical form")


def _read(text: str) -> Event | None:
    event = Event()
    start = text.find('},"at":"') + 47  # (within a text the quotes would be escaped)
    who = _actors.get(text[: start - 47])
    if who is not None and start > 46 and text.startswith('","changes":', start - 12):
        event.at = text[start - 39 : start - 12]
    else:
        head = BEFORE_CHANGES.match(text)
        if head is None:
            return None
        *who, event.at, _ = head.groups()
        start = head.end()
        if start < 1024:
            if len(_actors) >= MOST_REMEMBERED:
                _actors.clear()
            _actors[text[: start - 47]] = who
    changes: Any
    if text.startswith('[],"details":', start):
        changes, end = [], start + 2
    else:
        changes, end = _scan(text, start)
        if encode(changes) != text[start:end] or not text.startswith(',"details":', end):
            return None
    start = end + 11
    end = text.find(',"id":"', start)
    if text[start:end] not in _details:
        details, end = _scan(text, start)
        if details.__class__ is not dict or encode(details) != text[start:end]:
            return None
        if end - start < 512:
            if len(_details) >= MOST_REMEMBERED:
                _details.clear()
            _details.add(text[start:end])
    tail = AFTER_DETAILS.fullmatch(text, end)
    if tail is None:
        return None
    event.key, event.name, event.principal, event.person, event.roles = who
    (event.id, event.kind_id, event.prev, event.seq, event.kind, event.outcome, event.reason, event.request,
     event.subject_id, event.label, event.subject, event.verb) = tail.groups()  # fmt: skip
    event.text, event.changes, event.details = text, changes, text[start:end]
    held = changes.__class__ is dict
    if (
        (held_fault(changes) if held else changes_fault({"changes": changes, "outcome": event.outcome[1:-1]}))
        or (event.prev == '""') != (event.seq == "1")
        or (len(event.seq) == 16 and int(event.seq) >= 2**53)
        or not is_moment(event.at)
        or not (is_plainly_composed(text) or not composed_fault(event.whole, text))
    ):
        return None
    return event


def columns_around(event: Event, index: int, digest: str) -> tuple[bytes, bytes]:
    """The line of events.jsonl that belongs to an event, read out of the payload alone: what stands before the column
    `position`, which no payload holds, and what stands after it, up to the payload."""
    before = (
        f'{{"columns":{{"actor":{event.key},"actor_name":{event.name},"actor_roles":{event.roles},"at":"{event.at}",'
        f'"details":{event.details},"digest":"{digest}","id":{event.id},"object_id":{event.kind_id},'
        f'"object_prev":{event.prev},"object_seq":{event.seq},"object_type":{event.kind},'
        f'"on_behalf_of":{event.principal},"outcome":{event.outcome},"person":{event.person},"position":'
    )
    after = (
        f',"reason":{event.reason},"request_id":{event.request},"subject_id":{event.subject_id},'
        f'"subject_label":{event.label},"subject_type":{event.subject},"verb":{event.verb}}},"index":{index},"payload":"'
    )
    return before.encode(), after.encode()


def position_in(line: bytes, before: bytes, after: bytes, payload: bytes) -> int:
    """The column `position` of a line that is as it should be: a number of the database, checked for its order alone;
    0 when anything in the line differs."""
    number = POSITION.match(line, len(before))
    if number is None or not line.startswith(before):
        return 0
    wanted = after + binascii.b2a_base64(payload, newline=False) + b'"}'
    return int(number.group()) if line[number.end() :] == wanted else 0


def line_fault(line: bytes, expected: bytes) -> str:
    """In which column a line of events.jsonl differs from what the payload says."""
    try:
        given = parse(line, "the line")
    except Malformed as error:
        return str(error)
    wanted = _decode(expected.decode())
    if not isinstance(given, dict) or set(given) != set(wanted) or not isinstance(given["columns"], dict):
        return "the line must hold columns, index and payload"
    for name in ("index", "payload"):
        if encode(given[name]) != encode(wanted[name]):
            return f"{name} is not that of the log"
    columns = given["columns"]
    for name in sorted(set(columns) | set(wanted["columns"])):
        if name not in wanted["columns"]:
            return f"column {name} is in no event of version 1"
        if name not in columns:
            return f"column {name} is missing"
        if encode(columns[name]) != encode(wanted["columns"][name]):
            if name == "position":
                return "column position must be a number from 1"
            return f"column {name} is {show(columns[name])}, the payload says {show(wanted['columns'][name])}"
    return "the line is not written in the canonical form"


def show(value: Any) -> str:
    text = encode(value)
    if len(text) <= 80:
        return text
    end = next((found.end() for found in COMMITMENT.finditer(text) if found.start() < 77 < found.end()), 77)
    return text[:end] + "..."


def called(index: int, event: dict[str, Any]) -> str:
    return f"event {index} ({event['verb']} on {event['object']['type']} {event['object']['id']})"


# ---------------------------------------------------------------------------------------------------- personal values

# In events and rows a personal value stands as a commitment, SHA-256(salt || value), and is compared as that alone.
# What lies behind it may be disclosed in personal.jsonl, until the person's data are erased.
DISCLOSED = "personal.jsonl"
COMMITMENT = re.compile(r"personal:([0-9a-f]{64})(?![0-9a-f])")
UNDISCLOSED = "a person's data not disclosed"


class Disclosure(NamedTuple):
    """A line of personal.jsonl."""

    line: int
    commitment: str
    value: str
    holds: bool


def disclosures(files: Files) -> Iterator[Disclosure]:
    """What is disclosed, in the order of the commitments, each once; raises Unreadable when it is not written so."""
    last = ""
    for number, line in enumerate(files.lines(DISCLOSED), start=1):
        what = f"{DISCLOSED}, line {number},"
        try:
            entry = mapping(parse(line, what), "commitment person salt value", what)
        except Malformed as error:
            raise Unreadable(str(error)) from None
        commitment, person, salt, value = (entry[name] for name in ("commitment", "person", "salt", "value"))
        if not all(each.__class__ is str for each in (commitment, person, salt, value)):
            raise Unreadable(f"{what} must hold text alone")
        if not DIGEST.fullmatch(commitment) or not DIGEST.fullmatch(salt) or not UUID.fullmatch(person):
            raise Unreadable(f"{what} must hold commitment and salt in hexadecimal, and a person's UUID")
        if commitment <= last:
            raise Unreadable(f"{what} does not come after the one before: each commitment stands once, in order")
        last = commitment
        found = sha256(bytes.fromhex(salt) + value.encode()).hexdigest()
        yield Disclosure(number, commitment, value, found == commitment)


def check_disclosures(files: Files, verdict: Verdict) -> str:
    """Find what is not the value committed to; in words how much is disclosed, nothing when the file is not there."""
    if not files.has(DISCLOSED):
        return ""
    count = 0
    for count, each in enumerate(disclosures(files), start=1):  # noqa: B007  (the last count is told)
        if not each.holds:
            verdict.find(f"{DISCLOSED}, line {each.line}: salt and value do not give the commitment {each.commitment}")
    return "1 personal value is disclosed" if count == 1 else f"{count} personal values are disclosed"


def disclose(files: Files, report: Report) -> None:
    """Put into the sentences, where one holds a commitment, the value that is disclosed; or that none is."""
    verdicts = report.verdicts.values()
    told = [*(each.told for each in verdicts), *(finding for each in verdicts for finding in each.findings)]
    wanted = {commitment for sentence in told for commitment in COMMITMENT.findall(sentence)}
    if not wanted:
        return
    known: dict[str, str] = {}
    if files.has(DISCLOSED):
        try:
            for each in disclosures(files):
                if each.commitment in wanted and each.holds:
                    known[each.commitment] = each.value
        except (Cut, Unreadable):  # (said before, unless the log was cut earlier still)
            known = {}

    def opened(sentence: str) -> str:
        return COMMITMENT.sub(lambda found: known.get(found[1], UNDISCLOSED), sentence)

    for verdict in verdicts:
        verdict.told, verdict.findings = opened(verdict.told), [opened(each) for each in verdict.findings]


# ---------------------------------------------------------------------------------------------------- following the log


class Log:
    """Follows the events in the order of the log, and hands each to the checks that want it."""

    def __init__(self, files: Files, options: Options, report: Report, desk: Desk) -> None:
        self.files, self.report, self.integrity = files, report, report[INTEGRITY]
        self.scope, self.origin, self.size = self._manifest()
        self.keys = Keys(files, options)
        self.start = self.scope.get("size", 0)
        self.whole = self.scope["kind"] == "log"
        self.anchors = Anchors(files, self.keys, options, report[ANCHORED], self)
        self.quick = options.quick and self.scope["kind"] != "object"
        self.jobs = cores(options.jobs, self.size - self.start)
        self.desk = desk
        self.replay = self.duties = None
        if self.whole and not self.quick:
            self.replay = Replay(files, report[COMPLETENESS], desk, self.size)
        if self.scope["kind"] != "since" and not self.quick:
            self.duties = Duties(files, report[DUTIES], desk, self.whole)
        self.chains = Spill(desk, self.size)
        self.identities = Spill(desk, self.size)
        self.links: list[tuple[Any, ...]] = []
        self.named: list[tuple[Any, ...]] = []
        self.tree = Tree()
        self.latest = self.stamped = self.stamp = self.disclosed = ""
        self.checkpoints = self.taken = 0

    def _manifest(self) -> tuple[dict[str, Any], str, int]:
        manifest = read_json(self.files, "manifest.json", "format version scope origin size made_at epochs")
        if (manifest["format"], manifest["version"]) != (FORMAT, VERSION) or manifest["version"] is True:
            raise Unreadable(f"this is no {FORMAT} of version {VERSION}")
        scope, origin, size = manifest["scope"], manifest["origin"], manifest["size"]
        wanted = {"log": "kind", "object": "kind type id", "since": "kind size"}
        if not isinstance(scope, dict) or not isinstance(scope.get("kind"), str) or scope["kind"] not in wanted:
            raise Unreadable("manifest.json: the scope is log, object or since")
        if set(scope) != set(wanted[scope["kind"]].split()):
            raise Unreadable(f"manifest.json: the scope {scope['kind']} holds exactly {wanted[scope['kind']]}")
        numbers = [size, scope.get("size", 0)]
        if any(each.__class__ is not int or not 0 <= each < 2**53 for each in numbers) or numbers[1] > size:
            raise Unreadable("manifest.json: size must be a number, and the scope must not begin after it")
        if not isinstance(origin, str) or not isinstance(manifest["epochs"], list):
            raise Unreadable("manifest.json: origin must be text and epochs a list")
        if not is_moment(manifest["made_at"]):
            raise Unreadable("manifest.json: made_at must be a time such as 2026-11-21T03:27:00.123456Z")
        self.made_at, self.epochs = manifest["made_at"], self._epochs(manifest["epochs"], origin, size)
        return scope, origin, size

    def _epochs(self, given: list[Any], origin: str, size: int) -> list[tuple[str, int]]:
        """Origin and first size of each run of the log: a restored log goes on under another origin, and says so."""
        found: list[tuple[str, int]] = []
        for number, epoch in enumerate(given, start=1):
            if not isinstance(epoch, dict) or set(epoch) != {"epoch", "origin", "size"}:
                raise Unreadable("manifest.json: an epoch holds exactly epoch, origin and size")
            start = epoch["size"]
            if epoch["epoch"].__class__ is not int or epoch["epoch"] != number:
                raise Unreadable("manifest.json: epochs count from 1")
            if start.__class__ is not int or not (found[-1][1] if found else 0) <= start <= size:
                raise Unreadable(f"manifest.json: epoch {number} must begin at a size after the one before")
            found.append((epoch["origin"], start))
        if not found or found[0][1] != 0 or found[-1][0] != origin or len({each[0] for each in found}) < len(found):
            raise Unreadable("manifest.json: the first epoch begins at 0, the last has the bundle's origin, none twice")
        return found

    def _epoch_fault(self, origin: str, size: int) -> bool:
        """Whether a checkpoint of this origin cannot be of this size."""
        for number, (name, start) in enumerate(self.epochs):
            end = self.epochs[number + 1][1] if number + 1 < len(self.epochs) else self.size
            if name == origin:
                return not start <= size <= end
        return True

    def check(self) -> None:
        try:
            self.note = note_text(self.files.read("checkpoint"), "checkpoint")
            self.head = parse_checkpoint(self.note, "checkpoint")
            self.keys.check(self.head, "checkpoint")
            if (self.head.origin, self.head.size) != (self.origin, self.size):
                raise Malformed(f"the checkpoint is of {self.head.origin}, size {self.head.size}; the manifest differs")
            if self.scope["kind"] == "object":
                self._follow_object()
            else:
                self._follow_all()
            if not self.quick:
                self._check_chains()
                self.disclosed = check_disclosures(self.files, self.integrity)
                self._check_names()
            self._tell()
        except (Cut, Malformed) as error:
            self.integrity.find(str(error))

    def _tell(self) -> None:
        signers = ", ".join(str(key) for key in self.keys.trusted or self.keys.own if key.kind == ED25519)
        by = f"signed by {signers}"
        if not self.keys.trusted:
            by = f"BY THE BUNDLE'S OWN KEY {signers}, WHICH SAYS NOTHING ABOUT WHO MADE IT: GIVE --key"
        kind = self.scope["kind"]
        if kind == "log":
            what = f"all {self.size} events hash to the root of {self.origin}"
        elif kind == "since":
            what = f"events {self.start} to {self.size} continue the log {self.origin} of size {self.start}"
        else:
            what = (
                f"{self.taken} events on {self.scope['type']} {self.scope['id']} are in {self.origin} of size"
                f" {self.size}, one after the other (whether more follow, only the whole log shows)"
            )
        if self.quick:
            what += " (--quick: hashes and signatures alone; what the events say is not looked at)"
        again = "".join(f"; RESTORED at size {size}, and gone on as {name}" for name, size in self.epochs[1:])
        disclosed = f"; {self.disclosed}" if self.disclosed else ""
        self.integrity.told = f"{what}; {self.checkpoints} checkpoints in order, {by}{again}{disclosed}"

    # -- checkpoints

    def _kept(self) -> Iterator[Checkpoint]:
        """Every kept checkpoint in order, its signatures checked; a faulty one becomes a finding and is passed over."""
        size, at, note = -1, "", ""
        for number, line in enumerate(self.files.lines("checkpoints.jsonl")):
            what = f"checkpoints.jsonl, line {number + 1}"
            try:
                entry = mapping(parse(line, what), "at note root size", what)
                if not all(isinstance(entry[each], str) for each in ("at", "note", "root")):
                    raise Malformed(f"{what} must hold at, note and root as text")
                note = entry["note"]
                found = parse_checkpoint(note_text(note.encode(), what), what)
                seen = self.keys.check(found, what)
                if entry["size"] != found.size or entry["root"] != found.root.hex():
                    raise Malformed(f"{what} says another size or root than its note")
                if self._epoch_fault(found.origin, found.size):
                    raise Malformed(f"{what}: {found.origin} had no size {found.size} by the epochs of the manifest")
                if entry["size"].__class__ is not int or found.size <= size:
                    raise Malformed(f"{what}: size {found.size} does not come after size {size}")
                if not is_moment(entry["at"]) or not at <= entry["at"] <= self.made_at:
                    raise Malformed(f"{what}: its time {entry['at']} is out of order: the clock was set back")
            except Malformed as error:
                self.integrity.find(str(error))
                continue
            size, at = found.size, entry["at"]
            self.checkpoints += 1
            self.stamp = at
            self.anchors.meet(found, note, seen)
            yield found
        if (size, note) != (self.size, self.note):
            self.integrity.find("the last line of checkpoints.jsonl is not the checkpoint of the bundle")

    def _behind(self, early: str, late: str) -> bool:
        """Whether one time lies further behind another than two clocks may differ."""
        return early < late and seconds(late) - seconds(early) > CLOCK_TOLERANCE

    # -- the whole log, or its newest part

    def _follow_all(self) -> None:
        """Follow the log in stretches, side by side when it is long; each begins from the tiles of the bundle, and must
        begin where the one before it really ended."""
        bounds = self._bounds()
        tasks = [self._task(number, *each, len(bounds)) for number, each in enumerate(bounds)]
        if len(tasks) > 1:
            self.desk()  # made by the parent, which clears it up
        ends: tuple[int, str] | None = None
        latest = ""
        for (first, _), told in zip(bounds, side_by_side(tasks, self._check_kept)):
            for number in range(len(told["used"])):
                self.files.used[number] |= told["used"][number]
            self.integrity.add(told["count"], told["findings"])
            if told["cut"]:
                raise Cut(told["cut"])
            if ends is not None and ends != told["begin"]:
                self.integrity.find(f"the first {first} events hash to {ends[1].hex()}, the tiles say otherwise")
            if told["stamp"] and self._behind(told["stamp"], latest):
                self.integrity.find(
                    f"a checkpoint after event {first} bears the time {told['stamp']}, before that of its events"
                    f" ({latest}): the clock was set back"
                )
            if ends is None:
                self.older = told["begin"][1]
            ends, latest = told["end"], max(latest, told["latest"])
            for size, root in told["roots"]:
                self.anchors.compare(size, root)
            self._take_in(told)
        if self.scope["kind"] == "since":
            self._check_growth()

    def _bounds(self) -> list[tuple[int, int]]:
        """First event and end of each stretch, at the bounds of tiles; later ones are shorter for the lines they skip."""
        jobs = max(1, min(self.jobs, (self.size - self.start) // WIDTH))
        skipped = 0.0 if self.quick else LINES_SKIPPED
        shares = [(1 - skipped) ** number for number in range(jobs)]
        bounds, first = [], self.start
        for number in range(jobs):
            part = sum(shares[: number + 1]) / sum(shares)
            end = self.size if number + 1 == jobs else self.start + int((self.size - self.start) * part)
            end = end if end == self.size else max(first, end - end % WIDTH)
            bounds.append((first, end))
            first = end
        return bounds

    def _task(self, number: int, first: int, end: int, many: int) -> Callable[[], dict[str, Any]]:
        return lambda: self._stretch(number, first, end, many)

    def _spills(self) -> list[Spill]:
        return [self.chains, self.identities] + ([self.replay.changes] if self.replay is not None else [])

    def _stretch(self, number: int, first: int, end: int, many: int) -> dict[str, Any]:
        """Follow one stretch; what it gives. One of many is in a process of its own, where all of this is a copy."""
        kept, self.integrity = self.integrity, Verdict(INTEGRITY)
        if many > 1:
            self.files.reopen()
            for spill in self._spills():
                spill.apart(number)
            if self.duties is not None:
                self.duties = self.duties.later(number)
        told: dict[str, Any] = {"cut": ""}
        self.roots: list[tuple[int, bytes]] = []
        self.first_stamp = ""
        try:
            self._begin(first)
            told["begin"] = (self.tree.size, self.tree.root())
            self._follow(first, end)
            told["end"] = (self.tree.size, self.tree.root())
        except (Cut, Malformed) as error:
            told["cut"] = str(error)
        found, self.integrity = self.integrity, kept
        found.order()
        told.update(
            count=found.count,
            findings=found.findings,
            latest=self.latest,
            stamp=self.first_stamp,
            roots=self.roots,
            used=b"",
        )
        if many > 1:
            if isinstance(self.duties, Later):
                self.duties.flush()
            for spill in self._spills():
                spill.flush()
            told.update(
                used=bytes(self.files.used),
                taken=self.taken,
                spilled=[each.files for each in self._spills()],
                duties=self.duties.path if isinstance(self.duties, Later) else "",
            )
        return told

    def _take_in(self, told: dict[str, Any]) -> None:
        """What a stretch in a process of its own leaves for the checks over many."""
        if "spilled" not in told:
            return
        self.taken += told["taken"]
        for spill, files in zip(self._spills(), told["spilled"]):
            spill.join(files)
        if self.duties is not None and told["duties"]:
            self.duties.waiting.append(told["duties"])

    def _follow(self, first: int, end: int) -> None:
        signed = self._signed(first, end)
        self.marks = sorted((size for size in self.anchors.sizes if first < size <= end), reverse=True)
        upcoming = self._reach(next(signed, None), signed)
        lines: Iterator[bytes] = iter(())
        if not self.quick:
            lines = self.files.lines("events.jsonl", first - self.start)
        for at, payloads in self._entries(first, end):
            leaves = [sha256(b"\x00" + payload).digest() for payload in payloads]
            done = 0
            while done < len(leaves):
                stop = self._next_stop(upcoming, at, len(leaves))
                if not self.quick:
                    index = at + done
                    for payload, leaf, line in zip(payloads[done:stop], leaves[done:stop], lines):
                        self.take(index, payload, leaf.hex(), line)
                        index += 1
                    self.hand_over()
                    if index < at + stop:
                        raise Cut(f"events.jsonl ends before event {index}")
                self.tree.extend(leaves[done:stop])
                done = stop
                if len(self.tree.rows[0]) == WIDTH:
                    self._full_tiles()
                if upcoming is not None and self.tree.size >= upcoming[0]:
                    upcoming = self._reach(upcoming, signed)
                if self.marks and self.tree.size == self.marks[-1]:
                    self.roots.append((self.marks.pop(), self.tree.root()))
        if end == self.size:
            self._end(lines)

    def _next_stop(self, upcoming: tuple[int, str, str] | None, at: int, width: int) -> int:
        """Up to which of the next events nothing is to be compared in between."""
        stop = width
        if upcoming is not None:
            stop = min(stop, upcoming[0] - at)
        if self.marks:
            stop = min(stop, self.marks[-1] - at)
        return stop

    def _end(self, lines: Iterator[bytes]) -> None:
        if next(lines, None) is not None:
            raise Cut(f"events.jsonl goes on after event {self.size - 1}, the last of the checkpoint")
        self._last_tiles()
        if self.tree.root() != self.head.root:
            self.integrity.find(
                f"the {self.size} events hash to {self.tree.root().hex()}, the signed root is {self.head.root.hex()}"
            )

    def _begin(self, first: int) -> None:
        """Begin from the tiles that hold what came before the first event."""
        rows: list[list[bytes]] = []
        level = 0
        while first >> 8 * level:
            row: list[bytes] = []
            if width := first >> 8 * level & 255:
                index = first >> 8 * (level + 1)
                name = f"tile/{level}/{place(index, width_of(level, index, self.size))}"
                content = self.files.read(name)
                row = [content[at : at + 32] for at in range(0, width * 32, 32)]
                if len(row[-1]) != 32:
                    raise Cut(f"{name} is too short")
            rows.append(row)
            level += 1
        self.tree = Tree(first, rows)
        if first == self.start and first in self.anchors.sizes:
            self.roots.append((first, self.tree.root()))

    def _check_kept(self) -> None:
        for _ in self._kept():
            pass

    def _signed(self, first: int, end: int) -> Iterator[tuple[int, str, str]]:
        """Size, root and time of the checkpoints of a stretch, which begins with the stamp of the one before. Whether
        they are signed and in order is looked at apart; what is no checkpoint is a finding there."""
        for line in self.files.lines("checkpoints.jsonl"):
            try:
                entry = _decode(line.decode("utf-8"))
                size, root, at = entry["size"], entry["root"], entry["at"]
            except (Malformed, ValueError, TypeError, KeyError):
                continue
            if size.__class__ is not int or root.__class__ is not str or not is_moment(at):
                continue
            if size < first or (size == first and first > self.start):
                if first > self.start:
                    self.stamped = at
                continue
            if size > end:
                return
            yield size, root, at

    def _reach(
        self, upcoming: tuple[int, str, str] | None, signed: Iterator[tuple[int, str, str]]
    ) -> tuple[int, str, str] | None:
        """Compare every checkpoint of the size that the tree now has."""
        while upcoming is not None and upcoming[0] <= self.tree.size:
            size, root, stamp = upcoming
            self.first_stamp = self.first_stamp or stamp
            if size == self.tree.size and root != self.tree.root().hex():
                self.integrity.find(
                    f"the first {size} events hash to {self.tree.root().hex()},"
                    f" the checkpoint of that size was signed over {root}"
                )
            if self._behind(stamp, self.latest):
                self.integrity.find(
                    f"the checkpoint of size {size} bears the time {stamp}, before that of its events"
                    f" ({self.latest}): the clock was set back"
                )
            self.stamped = stamp
            upcoming = next(signed, None)
        return upcoming

    def _entries(self, first: int, end: int) -> Iterator[tuple[int, list[bytes]]]:
        """Every payload from the first to the end, out of the entry bundles: the index of the first in each, and all."""
        if first == end < self.size:
            return
        for bundle in range(first // WIDTH, -(-end // WIDTH)):
            width = width_of(0, bundle, self.size)
            name = f"tile/entries/{place(bundle, width)}"
            content = self.files.read(name, WIDTH * (65_535 + 2))
            payloads, at, begin = [], 0, bundle * WIDTH
            for index in range(begin, begin + width):
                start = at + 2
                at = start + int.from_bytes(content[at:start], "big")
                if start > len(content) or at > len(content):
                    raise Cut(f"{name} is cut off at event {index}")
                if index >= first:
                    payloads.append(content[start:at])
                elif sha256(b"\x00" + content[start:at]).digest() != self.tree.rows[0][index % WIDTH]:
                    self.integrity.find(f"event {index} does not have the hash that {name} gives it")
            if at < len(content):
                raise Cut(f"{name} goes on after event {index}")
            yield max(first, begin), payloads

    def _full_tiles(self) -> None:
        for level, row in enumerate(self.tree.rows):
            if len(row) == WIDTH:
                self._compare_tile(level, (self.tree.size >> 8 * (level + 1)) - 1, row)
                row.clear()

    def _last_tiles(self) -> None:
        for level, row in enumerate(self.tree.rows):
            if row:
                self._compare_tile(level, self.tree.size >> 8 * (level + 1), row)

    def _compare_tile(self, level: int, index: int, row: list[bytes]) -> None:
        name = f"tile/{level}/{place(index, len(row))}"
        if not self.files.has(name):
            self.integrity.find(f"{name} is missing")
            return
        content, wanted = self.files.read(name), b"".join(row)
        if content == wanted:
            return
        at = (
            next((each for each in range(len(row)) if content[each * 32 : each * 32 + 32] != row[each]), len(row))
            + index * WIDTH
        )
        what = f"event {at}" if level == 0 else f"events {at << 8 * level} to {(at + 1) << 8 * level}"
        self.integrity.find(f"{name} does not hold the hash that {what} has")

    def _check_growth(self) -> None:
        lines = note_text(self.files.read("consistency.proof"), "consistency.proof").split("\n")
        proof = [strict_base64(line, "consistency.proof", 32) for line in lines[:-1]]
        if lines[-1]:
            raise Malformed("consistency.proof does not end in a newline")
        if self.start in (0, self.size):
            if proof:
                raise Malformed("consistency.proof must be empty here")
            return
        if grown_roots(self.start, self.size, self.older, proof) != (self.older, self.head.root):
            raise Malformed(f"consistency.proof does not lead from size {self.start} to size {self.size}")

    # -- one object

    def _follow_object(self) -> None:
        for _ in self._kept():
            pass
        wanted, last = (self.scope["type"], self.scope["id"]), -1
        for line in self.files.lines("events.jsonl"):
            given = parse(line, f"the line of events.jsonl after event {last}")
            if not isinstance(given, dict) or not isinstance(given.get("payload"), str):
                raise Malformed(f"events.jsonl: the line after event {last} holds no payload")
            index = given.get("index")
            if index.__class__ is not int or not last < index < self.size:
                raise Malformed(f"events.jsonl: the line after event {last} is out of order")
            payload = strict_base64(given["payload"], f"event {index}: its payload")
            leaf = sha256(b"\x00" + payload).digest()
            name = f"proofs/{index}.tlog-proof"
            proof = parse_proof(self.files.read(name), name)
            if proof.index != index or proof.note != self.note:
                raise Malformed(f"{name} is for event {proof.index}, or for another checkpoint than the bundle's")
            if proved_root(index, self.size, leaf, proof.hashes) != self.head.root:
                raise Malformed(f"event {index} is not in the log: {name} does not lead to its root")
            event = self.take(index, payload, leaf.hex(), line)
            if event is not None and (_decode(event.kind), _decode(event.kind_id)) != wanted:
                raise Malformed(f"{called(index, event.whole)} belongs to another object than the bundle is about")
            last = index
        self.hand_over()
        if last < 0:
            raise Cut("events.jsonl holds no event of the object")

    # -- one event

    def take(self, index: int, payload: bytes, digest: str, line: bytes) -> Event | None:
        """Check one event by itself, and pass it on to the checks over many."""
        try:
            event = read_event(payload)
        except Malformed as error:
            self.integrity.find(f"event {index}: {error}")
            return None
        self.taken += 1
        before, after = columns_around(event, index, digest)
        position = position_in(line, before, after, payload)
        if not position:
            wanted = before + b"1" + after + binascii.b2a_base64(payload, newline=False) + b'"}'
            self.integrity.find(f"{called(index, event.whole)}: {line_fault(line, wanted)}")
        at = event.at
        self.latest = max(self.latest, at)
        if at < self.stamped and self._behind(at, self.stamped):
            self.integrity.find(
                f"{called(index, event.whole)}: its time {at} lies before the checkpoint made before it ({self.stamped}):"
                " the clock was set back"
            )
        self.links.append((event.kind + event.kind_id, index, int(event.seq), event.prev, digest, at, position))
        self.named.append((event.id, index))
        changes = event.changes
        if changes.__class__ is dict:
            changes = self._held(index, event.whole)
        if self.replay is not None:
            self.replay.take(index, at, changes, len(payload))
        if self.duties is not None and is_of_duty(event, changes):
            self.duties.take(index, event.whole, changes)
        return event

    def hand_over(self) -> None:
        """Put the newest events to those that are looked at together when all were read."""
        self.chains.add(self.links, 600 * len(self.links))
        self.identities.add(self.named, 200 * len(self.named))
        self.links, self.named = [], []
        if self.replay is not None:
            self.replay.hand_over()

    def _held(self, index: int, event: dict[str, Any]) -> list[dict[str, Any]]:
        """A list of changes too long for the payload, which holds its digest."""
        held = event["changes"]
        name = f"changes/{held['sha256']}.json"
        what = f"{called(index, event)}: {name}"
        try:
            raw = self.files.read(name, LARGE)
            if sha256(raw).hexdigest() != held["sha256"]:
                raise Malformed(f"{what} does not have the digest that the event holds")
            changes = parse(raw, what)
            if fault := changes_fault({**event, "changes": changes}):
                raise Malformed(f"{what}: {fault}")
            if len(changes) != held["count"]:
                raise Malformed(f"{what} holds {len(changes)} changes; the event says {held['count']}")
        except Cut as error:
            self.integrity.find(f"{called(index, event)}: {error}")
            return []
        except Malformed as error:
            self.integrity.find(str(error))
            return []
        return list(changes)

    # -- all events

    def _check_chains(self) -> None:
        for count, findings in in_parts(self.chains.parts, self.jobs, self._check_part):
            self.integrity.add(count, findings)

    def _check_part(self, part: int, found: Verdict) -> None:
        last: dict[str, tuple[Any, ...]] = {}
        for record in self.chains.read(part):
            key, index, seq, prev, _, at, position = record
            before = last.get(key)
            last[key] = record
            if before is None:
                if seq != 1 and self.scope["kind"] != "since":
                    found.find(f"{_on(record)}: object.seq is {seq}, but no event on this object comes before")
                continue
            if seq != before[2] + 1:
                found.find(f"{_on(record)}: object.seq is {seq}, that of event {before[1]} before is {before[2]}")
            elif prev != f'"{before[4]}"':
                found.find(f"{_on(record)}: object.prev is not the hash of event {before[1]}")
            if at < before[5]:
                found.find(f"{_on(record)}: at {at} lies before event {before[1]}: the clock was set back")
            if position <= before[6]:
                found.find(f"{_on(record)}: column position does not come after that of event {before[1]}")
        known: dict[str, int] = {}
        for identity, index in self.identities.read(part):
            if identity in known:
                found.find(f"event {index}: id {_decode(identity)} is that of event {known[identity]} too")
            known[identity] = index

    def _check_names(self) -> None:
        strange = [
            name
            for name in self.files.unused("")
            if not (name in UNREAD or name.startswith(("anchors/", "policies/", "state/")))
        ]
        if strange:
            self.integrity.find(f"{min(strange)} is in the bundle, but nothing in the log accounts for it")


def _on(record: tuple[Any, ...]) -> str:
    kind, end = _scan(record[0], 0)
    return f"event {record[1]} on {kind} {_decode(record[0][end:])}"


def in_parts(
    parts: int, jobs: int, check_part: Callable[[int, Verdict], None], meanwhile: Callable[[], None] = lambda: None
) -> list[Any]:
    """Have every part of the spilled records checked, by several processes when there are many; what they found."""

    def some(first: int, step: int) -> tuple[int, list[str]]:
        found = Verdict(INTEGRITY)
        for part in range(first, parts, step):
            check_part(part, found)
        found.order()
        return found.count, found.findings

    step = max(1, min(jobs, parts))
    tasks = [(lambda first=first: some(first, step)) for first in range(step)]
    return side_by_side(tasks, meanwhile)


# ------------------------------------------------------------------------------------------------ replay of all changes


class Replay:
    """Puts the changes of every event one upon the other; what results must be the live rows."""

    def __init__(self, files: Files, verdict: Verdict, desk: Desk, size: int) -> None:
        self.files, self.verdict = files, verdict
        self.changes, self.live = Spill(desk, size), Spill(desk, size, SPILL_AT // 8)
        self.fresh: list[tuple[Any, ...]] = []
        self.weight = 0
        self.tables: dict[str, Any] = {}
        self.rows = 0

    def take(self, index: int, at: str, changes: list[dict[str, Any]], weight: int) -> None:
        self.weight += 2 * weight
        for change in changes:
            key = (change["table"], change["row"])
            self.fresh.append((key, index, at, change["op"], change["before"], change["after"]))
        if len(self.fresh) > 4096:
            self.hand_over()

    def hand_over(self) -> None:
        self.changes.add(self.fresh, self.weight + 500 * len(self.fresh))
        self.fresh, self.weight = [], 0

    def check(self, jobs: int, meanwhile: Callable[[], None]) -> None:
        """Compare; the live rows are read first, so that every process has them."""
        verdict = self.verdict
        try:
            self._read_state()
            parts = self.changes.parts
        except (Cut, Malformed) as error:
            verdict.find(str(error))
            parts = 0
        for count, findings in in_parts(parts, jobs, self._check_part, meanwhile):
            verdict.add(count, findings)
        self.verdict = verdict
        verdict.told = f"the changes in the events give exactly the {self.rows} rows of {len(self.tables)} tables"

    def _read_state(self) -> None:
        tables = parse(self.files.read("state/tables.json").rstrip(b"\n"), "state/tables.json")
        if not isinstance(tables, dict):
            raise Malformed("state/tables.json must name the tables")
        for table, kept in tables.items():
            if not isinstance(kept, dict) or not {"key", "secret"} <= set(kept) <= {"key", "personal", "secret"}:
                raise Malformed(f"state/tables.json: {table} must hold key and secret, and may hold personal")
            lists = [kept["secret"], kept.get("personal", [])]
            if not isinstance(kept["key"], str) or not all(isinstance(each, list) for each in lists):
                raise Malformed(f"state/tables.json: {table} must name its key, its secret and its personal columns")
        self.changes.flush()
        self.tables = tables
        strange = {name for name in self.files.names if name.startswith("state/")}
        strange -= {"state/tables.json", *(f"state/{table}.jsonl" for table in tables)}
        if strange:
            raise Malformed(f"{min(strange)} belongs to no table of state/tables.json")
        for table, kept in tables.items():
            name, column = f"state/{table}.jsonl", kept["key"]
            for raw in self.files.lines(name):
                row = _row(raw, name)
                if not isinstance(row, dict) or column not in row:
                    raise Malformed(f"a row of {name} has no {column}")
                self.rows += 1
                self.live.add([((table, _text(row[column])), raw)], len(raw) + 300)
        self.live.flush()

    def _check_part(self, part: int, found: Verdict) -> None:
        self.verdict = found  # of this part alone: it may be looked at in another process
        try:
            self._compare(part)
        except (Cut, Malformed) as error:
            found.find(str(error))

    def _compare(self, part: int) -> None:
        rows = self._fold(part)
        for key, raw in self.live.read(part):
            row = rows.pop(key, None)
            if row is None:
                self.verdict.find(f"{key[0]} row {key[1]} is live, but no event made it, or it is there twice")
            elif encode(row).encode() != raw:
                self.verdict.find(f"{key[0]} row {key[1]}: {self._difference(row, raw, key)}")
        for table, name in sorted(rows):
            where = "which is not in state/tables.json" if table not in self.tables else "but it is not live"
            self.verdict.find(f"{table} row {name} is in the log, {where}")

    def _difference(self, row: dict[str, Any], raw: bytes, key: tuple[str, str]) -> str:
        live = parse(raw, f"{key[0]} row {key[1]}")
        for column in sorted(set(row) | set(live)):
            if column not in row:
                return f"field {column} is {show(live[column])}, of which no event tells"
            if column not in live:
                return f"field {column} is missing, the log says {show(row[column])}"
            if encode(row[column]) != encode(live[column]):
                return f"field {column} is {show(live[column])}, the log says {show(row[column])}"
        return "the row is not written in the canonical form"

    def _fold(self, part: int) -> dict[tuple[str, str], dict[str, Any]]:
        """The rows after all changes. The events of one transaction bear one time, and an inner one stands before the
        outer one that opened it; so when a change does not fit, all changes of that time to the row are put in order."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        groups: dict[tuple[str, str], tuple[str, Any, list[Any]]] = {}
        waiting: set[tuple[str, str]] = set()
        for record in self.changes.read(part):
            key, _, at = record[:3]
            group = groups.get(key)
            if group is None or group[0] != at:
                if key in waiting:
                    self._give_up(key, groups[key], rows)
                    waiting.discard(key)
                group = groups[key] = (at, rows.get(key), [])
            group[2].append(record)
            fault, row = ("waits", None) if key in waiting else self._put(rows.get(key), record)
            if fault and len(group[2]) > 1:
                fault, row = _in_some_order(self._put, group[1], group[2])
            if fault:
                waiting.add(key)
                continue
            waiting.discard(key)
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        for key in waiting:
            self._give_up(key, groups[key], rows)
        return rows

    def _give_up(self, key: tuple[str, str], group: tuple[str, Any, list[Any]], rows: dict[Any, Any]) -> None:
        """The first change that does not fit becomes the finding; the others are put as far as they go."""
        row, told = group[1], False
        for record in group[2]:
            fault, after = self._put(row, record)
            if fault and not told:
                self.verdict.find(f"event {record[1]}: {record[3]} of {key[0]} row {key[1]}: {fault}")
                told = True
            row = row if fault else after
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row

    def _put(self, row: dict[str, Any] | None, record: Any) -> tuple[str, dict[str, Any] | None]:
        """The row after one change; or why the change does not fit the row as it was."""
        (table, name), _, _, op, before, after = record
        if op == "insert":
            kept = self.tables.get(table)
            if row is not None:
                return "the row was there already", None
            if kept is not None and _text(after.get(kept["key"])) != name:
                return f"field {kept['key']} is not the row's key", None
            if kept is not None and not after.keys().isdisjoint(kept["secret"]):
                return "the row shows a secret column", None
            return "", after
        if row is None:
            return "no event made the row before", None
        if op == "delete":
            return ("", None) if encode(row) == encode(before) else ("the row was not as the event says", None)
        for column, value in before.items():
            if column not in row or not _same(row[column], value):
                return f"field {column} was {show(row.get(column))} in the log, the event says {show(value)}", None
        return "", {**row, **after}


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one to JSON, to which true is not 1."""
    if one.__class__ is str or one is None:
        return bool(one == other)
    return one.__class__ is other.__class__ and encode(one) == encode(other)


def _in_some_order(put: Callable[..., Any], row: Any, records: list[Any], budget: int = 2000) -> tuple[str, Any]:
    """The row after all changes in whatever order they fit one upon the other."""
    stack: list[tuple[Any, list[Any]]] = [(row, records)]
    while stack and budget:
        row, left = stack.pop()
        if not left:
            return "", row
        for at in range(len(left) - 1, -1, -1):
            budget -= 1
            fault, after = put(row, left[at])
            if not fault:
                stack.append((after, left[:at] + left[at + 1 :]))
    return "the changes fit one another in no order", None


def _row(raw: bytes, name: str) -> Any:
    """A live row read for its key alone: whether it is written canonically shows when it is compared."""
    try:
        return _decode(raw.decode("utf-8"))
    except (Malformed, ValueError) as error:
        raise Malformed(f"a row of {name} is not as it should be: {error}") from None


def _text(value: Any) -> str:
    return value if value.__class__ is str else encode(value)


# ------------------------------------------------------------------------------------------- time stamps (RFC 3161, CMS)

SIGNED_DATA, STAMP_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
SEQUENCE, SET, INTEGER, OCTETS, OID, TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x18


class Unable(Exception):
    """What would be needed for the check is not here."""


class Stamp(NamedTuple):
    """What a time-stamp token says, and what is needed to check who says it."""

    raw: bytes
    imprint: bytes
    time: str
    info: bytes
    certificates: list[bytes]
    issuer: bytes
    serial: int
    digest: str
    attributes: bytes
    signature: bytes


def der(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Tag, content and whole of each value, one after the other, written as DER writes them."""
    parts, at = [], 0
    while at < len(data):
        begin, tag = at, data[at]
        if tag & 31 == 31 or at + 2 > len(data):
            raise Malformed("has a value that is cut off or has a long tag")
        length, at = data[at + 1], at + 2
        if length & 128:
            count = length & 127
            length = int.from_bytes(data[at : at + count], "big")
            if not 1 <= count <= 4 or at + count > len(data) or length < 128 or data[at] == 0:
                raise Malformed("has a length that is not written in the shortest form")
            at += count
        if at + length > len(data):
            raise Malformed("is cut off")
        parts.append((tag, data[at : at + length], data[begin : at + length]))
        at += length
    return parts


def inside(part: tuple[int, bytes, bytes], tag: int, at_least: int = 1) -> list[tuple[int, bytes, bytes]]:
    if part[0] != tag:
        raise Malformed(f"has the tag {part[0]} where {tag} belongs")
    parts = der(part[1])
    if len(parts) < at_least:
        raise Malformed("lacks a value")
    return parts


def content(part: tuple[int, bytes, bytes], tag: int) -> bytes:
    if part[0] != tag:
        raise Malformed(f"has the tag {part[0]} where {tag} belongs")
    return part[1]


def oid(part: tuple[int, bytes, bytes]) -> str:
    numbers, value = [], 0
    for byte in content(part, OID):
        value = value << 7 | byte & 127
        if not byte & 128:
            numbers.append(value)
            value = 0
    if not numbers:
        raise Malformed("has an empty object identifier")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def parse_stamp(raw: bytes, what: str) -> Stamp:
    """A TimeStampResp taken apart; its signature is not checked yet."""
    try:
        return _parse_stamp(raw)
    except Malformed as error:
        raise Malformed(f"{what}: the time stamp {error}") from None
    except (IndexError, ValueError):
        raise Malformed(f"{what}: the time stamp is not one") from None


def _parse_stamp(raw: bytes) -> Stamp:
    whole = der(raw)
    if len(whole) != 1:
        raise Malformed("is followed by something else")
    status, token = inside(whole[0], SEQUENCE, 2)[:2]
    if int.from_bytes(content(inside(status, SEQUENCE)[0], INTEGER), "big") not in (0, 1):
        raise Malformed("was refused by the authority")
    kind, signed = inside(token, SEQUENCE, 2)
    if oid(kind) != SIGNED_DATA:
        raise Malformed("is not signed data")
    parts = inside(inside(signed, 0xA0)[0], SEQUENCE, 4)
    kind, wrapped = inside(parts[2], SEQUENCE, 2)
    if oid(kind) != STAMP_INFO:
        raise Malformed("stamps something else than a time")
    info = content(inside(wrapped, 0xA0)[0], OCTETS)
    facts = inside(der(info)[0], SEQUENCE, 5)
    algorithm, imprint = inside(facts[2], SEQUENCE, 2)
    if HASHES.get(oid(inside(algorithm, SEQUENCE)[0])) != "sha256":
        raise Malformed("is not over SHA-256")
    certificates = [each[2] for part in parts[3:-1] if part[0] == 0xA0 for each in der(part[1])]
    signers = inside(parts[-1], SET)
    if len(signers) != 1:
        raise Malformed("has more than one signer")
    fields = inside(signers[0], SEQUENCE, 6)
    issuer, serial = inside(fields[1], SEQUENCE, 2)
    digest = HASHES.get(oid(inside(fields[2], SEQUENCE)[0]))
    if digest is None or fields[3][0] != 0xA0:
        raise Malformed("is signed over an outdated hash, or without its attributes")
    signature = next((part[1] for part in fields[5:] if part[0] == OCTETS), b"")
    attributes = b"\x31" + fields[3][2][1:]
    time = content(facts[4], TIME).decode("ascii")
    if not re.fullmatch(r"\d{14}(\.\d+)?Z", time):
        raise Malformed("has a time that is not in UTC")
    number = int.from_bytes(content(serial, INTEGER), "big", signed=True)
    stamp = Stamp(
        raw, content(imprint, OCTETS), time, info, certificates, issuer[2], number, digest, attributes, signature
    )
    _check_attributes(stamp)
    return stamp


def _check_attributes(stamp: Stamp) -> None:
    found = {}
    for attribute in inside(der(stamp.attributes)[0], SET, 2):
        kind, values = inside(attribute, SEQUENCE, 2)
        found[oid(kind)] = inside(values, SET)[0]
    if CONTENT_TYPE not in found or oid(found[CONTENT_TYPE]) != STAMP_INFO:
        raise Malformed("is signed as something else")
    expected = hashlib.new(stamp.digest, stamp.info).digest()
    if MESSAGE_DIGEST not in found or content(found[MESSAGE_DIGEST], OCTETS) != expected:
        raise Malformed("was changed after it was signed")


def stamp_moment(stamp: Stamp) -> dt.datetime:
    return dt.datetime.strptime(stamp.time[:14], "%Y%m%d%H%M%S").replace(tzinfo=dt.timezone.utc)


def check_stamp(stamp: Stamp, authorities: list[bytes], what: str) -> str:
    """Who signed the token: raises unless one of the certificates given vouches for the signer at that time."""
    if not authorities:
        raise Unable("no certificate of the authority was given (--tsa)")
    if x509 is not None:
        try:
            return _stamp_by_library(stamp, authorities)
        except Malformed as error:
            raise Malformed(f"{what}: the time stamp {error}") from None
        except Unreadable:
            raise
        except Exception as error:  # (whatever the library makes of a certificate that is none)
            raise Malformed(f"{what}: the time stamp or its certificate cannot be read: {error}") from None
    if shutil.which("openssl"):
        return _stamp_by_openssl(stamp, authorities, what)
    raise Unable("neither the package cryptography nor the program openssl is here")


def _stamp_by_library(stamp: Stamp, authorities: list[bytes]) -> str:
    trusted = [each for pem in authorities for each in _certificates(pem)]
    sent = [x509.load_der_x509_certificate(each) for each in stamp.certificates]
    signer = next(
        (each for each in trusted + sent
         if each.serial_number == stamp.serial and each.issuer.public_bytes() == stamp.issuer),
        None,
    )  # fmt: skip
    if signer is None:
        raise Malformed("is signed by a certificate that is neither in it nor given")
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage) if signer.extensions else None
    if usage is None or x509.oid.ExtendedKeyUsageOID.TIME_STAMPING not in usage.value:
        raise Malformed("is signed by a certificate that is not for time stamps")
    if not _signed_by(signer.public_key(), stamp.signature, stamp.attributes, stamp.digest):
        raise Malformed("has a signature that does not hold")
    moment = stamp_moment(stamp)
    _check_chain(signer, trusted, sent, moment)
    return signer.subject.rfc4514_string()


def _certificates(pem: bytes) -> list[Any]:
    parts = re.findall(b"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", pem, re.DOTALL)
    if not parts:
        raise Unreadable("the certificate of the time-stamping authority is not in PEM form")
    try:
        return [x509.load_pem_x509_certificate(part) for part in parts]
    except ValueError as error:
        raise Unreadable(f"the certificate of the time-stamping authority cannot be read: {error}") from None


def _signed_by(key: Any, signature: bytes, message: bytes, digest: str) -> bool:
    algorithm = {"sha256": crypto_hashes.SHA256, "sha384": crypto_hashes.SHA384, "sha512": crypto_hashes.SHA512}[
        digest
    ]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(algorithm))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _check_chain(signer: Any, trusted: list[Any], sent: list[Any], moment: dt.datetime) -> None:
    """From the signer up to a certificate that the auditor trusts, each valid at the time of the stamp."""
    current = signer
    for _ in range(8):
        start = getattr(current, "not_valid_before_utc", None) or current.not_valid_before.replace(
            tzinfo=dt.timezone.utc
        )
        end = getattr(current, "not_valid_after_utc", None) or current.not_valid_after.replace(tzinfo=dt.timezone.utc)
        if not start <= moment <= end:
            raise Malformed("was made when a certificate of its authority was not valid")
        if current in trusted:
            return
        issuer = next((each for each in trusted + sent if each != current and _issued(current, each)), None)
        if issuer is None:
            break
        current = issuer
    raise Malformed("is signed by an authority for which no certificate given vouches")


def _issued(certificate: Any, issuer: Any) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        if not issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return True


def _stamp_by_openssl(stamp: Stamp, authorities: list[bytes], what: str) -> str:
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        token, anchor = os.path.join(folder, "token.tsr"), os.path.join(folder, "authority.pem")
        for path, value in ((token, stamp.raw), (anchor, b"\n".join(authorities))):
            with open(path, "wb") as file:
                file.write(value)
        moment = str(int(stamp_moment(stamp).timestamp()))
        ran = subprocess.run(
            [
                *f"openssl ts -verify -digest {stamp.imprint.hex()} -partial_chain -attime {moment}".split(),
                "-in",
                token,
                "-CAfile",
                anchor,
            ],
            capture_output=True,
            check=False,
        )
    if ran.returncode != 0 or b"Verification: OK" not in ran.stdout + ran.stderr:
        raise Malformed(f"{what}: the time stamp was not accepted by openssl ts -verify")
    return "the time-stamping authority given"


# ------------------------------------------------------------------------------------------------------------- anchors


class Anchor(NamedTuple):
    """An entry of anchors.json."""

    name: str
    kind: str
    size: int
    file: str
    at: str


class Anchors:
    """What others saw of the log. Only what the auditor brings along makes it ANCHORED: a checkpoint that he kept, or
    the key of a witness, or the certificate of an authority, for a token in the bundle or outside it."""

    def __init__(self, files: Files, keys: Keys, options: Options, verdict: Verdict, log: Log) -> None:
        self.files, self.keys, self.options, self.verdict, self.log = files, keys, options, verdict, log
        self.listed: dict[int, list[Anchor]] = {}
        self.sizes: dict[int, list[tuple[str, bytes]]] = {}
        self.stamps: dict[bytes, list[tuple[str, Stamp]]] = {}
        self.vouched: dict[str, tuple[int, str]] = {}
        self.agreeing: dict[str, int] = {}
        self.open: list[str] = []
        self.begun = False

    def begin(self) -> None:
        try:
            self._list()
        except (Cut, Malformed) as error:
            self.verdict.find(str(error))
        if self.options.since is not None:
            self._bring("--since", self.options.since.encode(), "a checkpoint that you kept")
        for label, content_ in self.options.anchors:
            if content_[:1] == b"\x30":
                stamp = self._brought_stamp(label, content_)
                self.stamps.setdefault(stamp.imprint, []).append((label, stamp))
            else:
                self._bring(label, content_, f"the copy {label}")

    def _list(self) -> None:
        if not self.files.has("anchors/anchors.json"):
            if strange := [name for name in self.files.names if name.startswith("anchors/")]:
                raise Malformed(f"{min(strange)} is there, but no anchors/anchors.json that lists it")
            return
        entries = parse(self.files.read("anchors/anchors.json", LINE).rstrip(b"\n"), "anchors/anchors.json")
        if not isinstance(entries, list):
            raise Malformed("anchors/anchors.json must be a list")
        for number, given in enumerate(entries):
            what = f"anchors/anchors.json, entry {number}"
            entry = mapping(given, "name kind size at file", what)
            name, kind, size, file = entry["name"], entry["kind"], entry["size"], entry["file"]
            if kind not in ("folder", "rfc3161", "witness") or not isinstance(name, str) or not isinstance(file, str):
                raise Malformed(f"{what} must name an anchor of kind folder, rfc3161 or witness, and its file")
            if size.__class__ is not int or not 0 <= size <= self.log.size:
                raise Malformed(f"{what} must have a size within the log")
            if not is_moment(entry["at"]) or entry["at"] > self.log.made_at:
                raise Malformed(f"{what} must have a time, before that at which the bundle was made")
            if not re.fullmatch(rf"anchors/{re.escape(name)}/{size}\.[a-z0-9]+", file):
                raise Malformed(f"{what}: {file} is not the file of {name} for the size {size}")
            if not self.files.has(file):
                raise Malformed(f"{what}: {file} is missing")
            self.listed.setdefault(size, []).append(Anchor(name, kind, size, file, entry["at"]))

    def _bring(self, label: str, raw: bytes, by: str) -> None:
        """A checkpoint that the auditor brings: the log must have its root at its size."""
        try:
            found = parse_checkpoint(note_text(raw, label), label)
        except Malformed as error:
            raise Unreadable(str(error)) from None
        if found.origin not in [name for name, _ in self.log.epochs]:
            self.verdict.find(f"{label} is of the log {found.origin}, the bundle of {self.log.origin}")
        elif found.size > self.log.size:
            self.verdict.find(
                f"{label} saw {found.size} events, the bundle holds {self.log.size}: the newest were cut off, the log was"
                " rolled back, or there are two logs"
            )
        else:
            self.sizes.setdefault(found.size, []).append((by, found.root))
            self._cosignatures(found, label)

    def _brought_stamp(self, label: str, raw: bytes) -> Stamp:
        try:
            return parse_stamp(raw, label)
        except Malformed as error:
            raise Unreadable(str(error)) from None

    def _cosignatures(self, found: Checkpoint, label: str) -> None:
        for line in found.lines:
            for key in self.keys.witnesses:
                if (line.name, line.id) == (key.name, key.id) and key.kind == COSIGNATURE:
                    try:
                        self._vouch(f"witness {key}", found.size, _date(cosigned_at(found.text, line, key, label)))
                    except Malformed as error:
                        self.verdict.find(str(error))

    def compare(self, size: int, root: bytes) -> None:
        """The log's root at a size for which the auditor brought one."""
        for by, kept in self.sizes.pop(size, []):
            if kept != root:
                self.verdict.find(
                    f"{by} has the root {kept.hex()} at size {size}, the log in the bundle has {root.hex()}:"
                    " the past was rewritten, or there are two logs"
                )
            else:
                self._vouch(by, size, "")

    def meet(self, found: Checkpoint, note: str, seen: dict[Key, int]) -> None:
        """A kept checkpoint of the bundle: what was anchored of it must be it."""
        for key, time in seen.items():
            self._seen(key, found.size, time)
        for anchor in self.listed.pop(found.size, []):
            try:
                self._check(anchor, found, note)
            except (Cut, Malformed) as error:
                self.verdict.find(str(error))
        for label, stamp in self.stamps.pop(sha256(note.encode()).digest(), []):
            self._stamped(stamp, found.size, label, "time stamp")
        if (self.log.scope["kind"] != "log" and found.size in self.sizes and found.size < max(self.log.start, 1)) or (
            self.log.scope["kind"] == "object" and found.size in self.sizes
        ):
            self.compare(found.size, found.root)

    def _check(self, anchor: Anchor, found: Checkpoint, note: str) -> None:
        raw = self.files.read(anchor.file)
        if anchor.kind == "folder":
            if raw != note.encode():
                raise Malformed(f"{anchor.file} is not the checkpoint of size {anchor.size}")
            if anchor.at < self.log.stamp:
                raise Malformed(f"{anchor.file}: its time {anchor.at} lies before that of the checkpoint")
            self._agrees(f"copies in {anchor.name}", anchor.size)
        elif anchor.kind == "rfc3161":
            stamp = parse_stamp(raw, anchor.file)
            if stamp.imprint != sha256(note.encode()).digest():
                raise Malformed(f"{anchor.file} stamps something else than the checkpoint of size {anchor.size}")
            self._same_time(anchor, stamp_moment(stamp).timestamp())
            self._stamped(stamp, anchor.size, anchor.file, f"time stamps of {anchor.name}")
        else:
            self._witnessed(anchor, found, raw)

    def _same_time(self, anchor: Anchor, time: float) -> None:
        if abs(seconds(anchor.at) - time) > CLOCK_TOLERANCE:
            raise Malformed(f"{anchor.file} was made at {_date(int(time))}, anchors.json says {anchor.at}")

    def _witnessed(self, anchor: Anchor, found: Checkpoint, raw: bytes) -> None:
        """A witness's lines alone, or the whole note with them."""
        text = note_text(raw, anchor.file)
        if not text.startswith("— "):
            whole = parse_checkpoint(text, anchor.file)
            if whole.text != found.text:
                raise Malformed(f"{anchor.file} is not over the checkpoint of size {anchor.size}")
            lines = whole.lines
        else:
            lines = parse_lines(text, anchor.file)
        known = False
        for line in lines:
            if key := self.keys.seers.get((line.name, line.id)):
                time = cosigned_at(found.text, line, key, anchor.file)
                self._same_time(anchor, time)
                self._seen(key, anchor.size, time)
                known = True
            elif log_key := self.keys.log.get((line.name, line.id)):
                if not ed25519_holds(log_key.public, found.text.encode(), line.content):
                    raise Malformed(f"{anchor.file}: the signature of {log_key} does not hold")
            else:
                raise Malformed(f"{anchor.file} is signed by {line.name} ({line.id.hex()}), a key that nobody named")
        if not known:
            raise Malformed(f"{anchor.file} is signed by no witness")

    def _seen(self, key: Key, size: int, time: int) -> None:
        if key in self.keys.witnesses:
            self._vouch(f"witness {key}", size, _date(time))
        else:
            self._agrees(f"witness {key}", size)

    def _stamped(self, stamp: Stamp, size: int, label: str, by: str) -> None:
        trusted = list(self.options.authorities)
        when = stamp_moment(stamp).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            name = check_stamp(stamp, trusted or self.keys.authorities, label)
        except Unable as error:
            self.open.append(f"{label}: {error}")
        except Malformed as error:
            self.verdict.find(str(error))
        else:
            if trusted:
                self._vouch(f"time stamp of {name}", size, when)
            else:
                self._agrees(by, size)

    def _vouch(self, by: str, size: int, when: str) -> None:
        if by not in self.vouched or size >= self.vouched[by][0]:
            self.vouched[by] = (size, when)

    def _agrees(self, by: str, size: int) -> None:
        self.agreeing[by] = max(size, self.agreeing.get(by, 0))

    def finish(self) -> None:
        for anchor in (each for size in sorted(self.listed) for each in self.listed[size]):
            self.verdict.find(f"{anchor.file}: the bundle keeps no checkpoint of size {anchor.size}")
        for entries in self.stamps.values():
            for label, stamp in entries:
                self.verdict.find(
                    f"{label} stamps, at {stamp.time}, a checkpoint that the bundle does not hold: the log was"
                    " rewritten or rolled back, or the stamp is newer than the bundle"
                )
        for size, brought in sorted(self.sizes.items()):
            self.open += [f"{by} of size {size} cannot be compared with this part of the log" for by, _ in brought]
        if not self.verdict.count:
            self._expect()
        strange = self.files.unused("anchors/")
        if strange and not self.verdict.count:
            self.verdict.find(f"{min(strange)} is not listed in anchors/anchors.json")
        self._tell()

    def _expect(self) -> None:
        """Whoever the auditor names must have seen the log."""
        for key in self.keys.witnesses:
            if f"witness {key}" not in self.vouched:
                self.verdict.find(f"no checkpoint is cosigned by the witness {key}")
        if self.options.authorities and not self.open and not any(by.startswith("time st") for by in self.vouched):
            self.verdict.find("no checkpoint bears a time stamp of the authority given")

    def _tell(self) -> None:
        if self.vouched:
            told = [
                f"by {by} up to size {size}" + (f" at {when}" if when else "")
                for by, (size, when) in sorted(self.vouched.items())
            ]
            self.verdict.told = "; ".join(told + self.open)
            return
        self.verdict.name = f"UN{ANCHORED}"
        own = "; ".join(f"{by} up to size {size}" for by, size in sorted(self.agreeing.items()))
        own = f"the bundle's own anchors agree with it ({own}), but " if own else ""
        why = "; ".join(["", *self.open])
        self.verdict.unchecked = (
            f"{own}nobody outside vouches for this log: bring a checkpoint that you kept (--since), a copy (--anchor),"
            f" a witness's key (--witness) or an authority's certificate (--tsa){why}"
        )


def _date(time: int) -> str:
    try:
        return dt.datetime.fromtimestamp(time, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"second {time}"


# --------------------------------------------------------------------------------------------------- the sign-off engine

# The sign-off engine as the application runs it; engine.py puts it here.

FOR = frozenset({"approve", "approve_with_conditions"})
DAY, HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True)
class Ballot:
    """One vote as history has it. `person` is the natural person who judged, `unit` his business unit's path.

    A delegate votes on behalf of `principal`, by whose roles the vote counts. `roles` are all in which it was
    signed, `held_then` those that each of the two held at that moment; left out, they are those that were signed.
    """

    person: str
    role: str
    unit: str
    decision: str
    subject_digest: str
    conditions: tuple[Mapping[str, str], ...] = ()
    at: float = 0.0
    principal: str = ""
    roles: frozenset[str] = frozenset()
    held_then: Mapping[str, frozenset[str]] | None = None
    method: str = "password"
    machine: bool = False

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who is counted by this vote: the voter, and on whose behalf he voted."""
        return (self.person, self.principal) if self.principal else (self.person,)

    @property
    def authority(self) -> str:
        """By whose roles the vote counts."""
        return self.principal or self.person

    @property
    def signed_as(self) -> frozenset[str]:
        return self.roles | {self.role}


@dataclass(frozen=True)
class Party:
    """Why a person is no independent judge, as words after his name, and since when."""

    reason: str
    since: float = 0.0


@dataclass(frozen=True)
class Edit:
    """A change of the subject after it was submitted: what it is from then on, and who changed which fields."""

    at: float
    digest: str
    fields: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Delegation:
    """The principal lets the delegate vote in his place, from one moment until before another."""

    principal: str
    delegate: str
    since: float
    until: float
    ended: float | None = None

    def covers(self, at: float) -> bool:
        return self.since <= at < self.until and (self.ended is None or at < self.ended)


@dataclass(frozen=True)
class Escalation:
    """From this moment the role that the stage escalates to may sign in it too."""

    stage: str
    at: float


@dataclass(frozen=True)
class Pause:
    """Information was asked of the submitter: the clock of the stage stands still until he answers."""

    since: float
    until: float | None = None


@dataclass(frozen=True)
class Duty:
    """A condition of the approval: met at a moment, or due before another."""

    text: str
    due: float
    met: float | None = None


@dataclass(frozen=True)
class Candidate:
    """Somebody who could sign now: the roles that he holds on the subject."""

    person: str
    roles: frozenset[str]
    unit: str
    machine: bool = False


@dataclass(frozen=True)
class History:
    """What is known of a request at the moment `now`.

    `excluded` maps a person to why he may not sign whatever the policy says; `involved` maps a person to his parts in
    the subject, ever, of which the policy excludes some. `held` maps a person to the roles he holds now on the subject: a vote counts only while its
    role is held. Without `candidates` nobody asks whether the request can be completed at all.
    """

    subject_digest: str
    ballots: tuple[Ballot, ...] = ()
    excluded: Mapping[str, Party] = field(default_factory=dict)
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    involved: Mapping[str, Mapping[str, Party]] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    recused: Mapping[str, str] = field(default_factory=dict)
    delegations: tuple[Delegation, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    pauses: tuple[Pause, ...] = ()
    duties: tuple[Duty, ...] = ()
    candidates: tuple[Candidate, ...] | None = None
    now: float = 0.0
    submitted: float = 0.0
    decided: float | None = None
    ended: float | None = None
    reviewed: float | None = None


@dataclass(frozen=True)
class Voter:
    """A signature that may fill a requirement: whose, by which roles, from which unit."""

    key: str
    roles: frozenset[str]
    unit: str


@dataclass
class Place:
    """A requirement of a stage and who fills it; `roles` are those it takes, `places` how many must sign."""

    stage: str
    role: str
    roles: frozenset[str]
    quorum: int
    apart: bool
    by: list[Voter] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return max(0, self.quorum - len(self.by))


class Matching:
    """Voters matched to the requirements of one window, grown by augmenting paths.

    Between a voter and a requirement that wants different business units stands his unit, which passes one voter
    only. Growing keeps every requirement as full as it was, so that a maximum is reached from any order.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = list(places)

    def add(self, voter: Voter) -> bool:
        """Let the voter fill a requirement, moving others where they fit too; False when that adds nothing."""
        return self._place(voter, set())

    def would_add(self, voter: Voter) -> bool:
        """Whether this voter's signature would fill a requirement, tried on a copy."""
        return Matching(replace(place, by=list(place.by)) for place in self.places).add(voter)

    @property
    def missing(self) -> int:
        return sum(place.missing for place in self.places)

    def _place(self, voter: Voter, seen: set[tuple[int, str]]) -> bool:
        for number, place in enumerate(self.places):
            if not voter.roles & place.roles:
                continue
            if place.apart and (other := next((each for each in place.by if each.unit == voter.unit), None)):
                if other is not voter and self._move(number, other, voter, seen):
                    return True
                continue
            if place.missing:
                place.by.append(voter)
                return True
            if (number, "") in seen:
                continue
            seen.add((number, ""))
            for other in list(place.by):
                if other is not voter and self._move(number, other, voter, seen):
                    return True
        return False

    def _move(self, number: int, other: Voter, voter: Voter, seen: set[tuple[int, str]]) -> bool:
        """Find the other a requirement elsewhere, and give his place to the voter."""
        if (number, other.key) in seen:
            return False
        seen.add((number, other.key))
        if not self._place(other, seen):
            return False
        by = self.places[number].by
        by.remove(other)
        by.append(voter)
        return True


def windows(policy: Mapping[str, Any], escalated: Iterable[str] = ()) -> list[list[Place]]:
    """The requirements that are signed beside each other, one group after the other.

    Stages follow one another unless the policy's `mode` is parallel; within a stage requirements are signed beside
    each other unless the stage's `mode` is sequence.
    """
    escalated = set(escalated)
    found: list[list[Place]] = []
    for stage in policy["stages"]:
        added = {stage["escalate_to"]} if stage.get("escalate_to") and stage["id"] in escalated else set()
        places = [
            Place(stage["id"], each["role"], frozenset({each["role"], *added}), each["quorum"],
                  bool(each.get("distinct_business_unit")))
            for each in stage["requirements"]
        ]  # fmt: skip
        found += [[place] for place in places] if stage.get("mode") == "sequence" else [places]
    if policy.get("mode") == "parallel":
        return [[place for window in found for place in window]]
    return found


PARTS = {
    "submitter": "submitted this request",
    "contributor": "contributed to this",
    "model_owner": "owns this model",
    "developer": "developed this",
    "validator": "validated this: a validator does not approve",
    "approver": "approved this",
    "deployer": "deployed this",
    "policy_admin": "wrote the policy that this is judged by",
    "person_concerned": "is the person concerned",
}
EXCLUDED = ("submitter", "contributor", "model_owner", "developer", "validator", "person_concerned")
NO_ROLES: frozenset[str] = frozenset()


def part_of(role: str) -> str:
    """The part that a vote in this role is: a validator's is validation, every other an approval."""
    return "validator" if role == "validator" else "approver"


def counted(policy: Mapping[str, Any], history: History) -> tuple[list[Ballot], list[str]]:
    """The votes that stand and count, in the order they were given, and why others do not.

    A person counts once, as himself or as the one he stands in for: of two votes that count him, the later.
    """
    taken: set[str] = set()
    found, ignored = [], []
    for ballot in reversed(_last_words(history.ballots)):
        if reason := void(policy, history, ballot):
            ignored.append(f"A vote does not count: {reason}.")
        elif not taken.isdisjoint(ballot.people):
            ignored.append("A vote does not count: a person counts once, and a later vote counts him.")
        else:
            taken.update(ballot.people)
            found.append(ballot)
    return found[::-1], ignored[::-1]


def void(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    """Why the vote does not count, or None."""
    if ballot.machine:
        return "only a person signs"
    for person in ballot.people:
        if reason := barred(policy, history, person, ballot.signed_as):
            return reason
        if any(person in edit.people and edit.at >= ballot.at for edit in history.edits):
            return "the voter changed the subject after the vote"
    methods = (policy.get("signature") or {}).get("methods")
    if methods and ballot.method not in methods:
        return f"it was not signed by {' or '.join(methods)}"
    return (
        _other_content(policy, history, ballot)
        or (_no_delegation(policy, history, ballot) if ballot.principal else None)
        or (None if effective_roles(policy, history, ballot) else "its role is no longer held")
    )


def barred(policy: Mapping[str, Any], history: History, person: str, roles: Iterable[str]) -> str | None:
    """Why the person may not sign in these roles, whatever he signs: as a party, recused, or by a conflict."""
    if party := history.excluded.get(person):
        return party.reason
    parts = history.involved.get(person) or {}
    shut = policy.get("exclude_parties", EXCLUDED)
    for part, party in parts.items():
        if part in shut:
            return party.reason
    if "contributor" in shut and any(person in edit.people for edit in history.edits):
        return "contributed to this since it was submitted"
    if person in history.recused:
        return "declared a conflict of interest"
    for one, other in policy.get("conflicts", ()):
        for mine, before in ((one, other), (other, one)):
            if before in parts and any(mine in (role, part_of(role)) for role in roles):
                return f"{parts[before].reason}; the policy keeps {_words(before)} and {_words(mine)} apart"
    return None


def effective_roles(policy: Mapping[str, Any], history: History, ballot: Ballot) -> frozenset[str]:
    """The roles in which the vote was signed, and which were held then and are held now by those who must."""
    roles = ballot.signed_as & _held(history, ballot, ballot.authority)
    if ballot.principal and (policy.get("delegation") or {}).get("same_role_required", True):
        roles &= _held(history, ballot, ballot.person)
    return roles


def _held(history: History, ballot: Ballot, person: str) -> frozenset[str]:
    now = history.held.get(person, NO_ROLES)
    return now if ballot.held_then is None else now & ballot.held_then.get(person, NO_ROLES)


def _last_words(ballots: Iterable[Ballot]) -> list[Ballot]:
    """The last vote of each person, and of each delegate for each principal; a withdrawal takes both back."""
    last: dict[tuple[str, str], Ballot] = {}
    for ballot in ballots:
        if ballot.decision == "withdraw_vote":
            for key in [key for key, given in last.items() if ballot.person in given.people]:
                del last[key]
            continue
        last.pop((ballot.person, ballot.authority), None)
        last[ballot.person, ballot.authority] = ballot
    return list(last.values())


def _other_content(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    """A vote is for the content that was there when it was given; what changed since must not be material."""
    digest = history.subject_digest
    for edit in history.edits:
        if edit.at <= ballot.at:
            digest = edit.digest
        elif is_material(policy, edit, history.decided):
            return "the subject was changed since in what the policy calls material"
    return None if ballot.subject_digest == digest else "it was given for another content of the subject"


def is_material(policy: Mapping[str, Any], edit: Edit, decided: float | None) -> bool:
    """Whether the edit voids votes; where the policy names no fields, every edit does.

    The evidence on which was voted must stand still until the decision; afterwards it grows without end.
    """
    named = policy.get("material_fields")
    if named is None or not edit.fields.isdisjoint(named):
        return True
    return (decided is None or edit.at < decided) and not edit.fields.isdisjoint(policy.get("evidence_fields", ()))


def _no_delegation(policy: Mapping[str, Any], history: History, ballot: Ballot) -> str | None:
    rule = policy.get("delegation") or {}
    if not rule.get("allowed"):
        return "the policy allows no delegate"
    for entry in history.delegations:
        fits = (entry.principal, entry.delegate) == (ballot.principal, ballot.person) and entry.covers(ballot.at)
        if fits and entry.until - entry.since <= rule.get("max_days", 0) * DAY:
            return None
    return "no delegation covered the moment at which it was given"


def _words(part: str) -> str:
    return part.replace("_", " ")


OPEN = frozenset({"open", "blocked", "cooling"})
Conditions = tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Need:
    """One requirement of a stage: how many have signed and how many must; `roles` are all that it takes."""

    stage: str
    role: str
    quorum: int
    signed: int
    distinct_business_unit: bool
    roles: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        return max(0, self.quorum - self.signed)


@dataclass(frozen=True)
class Judgement:
    """`state` is open, blocked, cooling, approved, rejected or returned; of an approval in use also suspended,
    expired or ended. `stage` is the one now open, empty when decided; `reason` says what the state alone does not.

    `effective` is when a complete approval takes effect, `expires` when it ends. `counted` are the votes that count,
    `idle` the people whose approval counts and yet fills no requirement; `window` is what is being filled now.
    """

    state: str
    stage: str
    needs: tuple[Need, ...]
    conditions: Conditions
    ignored: tuple[str, ...]
    reason: str = ""
    effective: float | None = None
    expires: float | None = None
    since: float = 0.0
    counted: tuple[Ballot, ...] = ()
    idle: frozenset[str] = frozenset()
    window: Matching | None = field(default=None, compare=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether nothing is decided yet."""
        return self.state in OPEN


@dataclass
class _Fold:
    """The requirements as the votes fill them, window by window."""

    windows: list[Matching]
    current: int
    since: float
    idle: set[str]


def evaluate(policy: Mapping[str, Any], history: History) -> Judgement:
    """Fold the history under the policy. Total: every history has a verdict, and a doubt is never an approval."""
    votes, ignored = counted(policy, history)
    folded = _fold(policy, history, votes)
    needs = tuple(_need(place) for window in folded.windows for place in window.places)
    given: dict[str, Any] = {"counted": tuple(votes), "idle": frozenset(folded.idle), "since": folded.since}
    if stopped := _stopped(policy, history, votes):
        return Judgement(stopped, "", needs, (), tuple(ignored), **given)
    if folded.current < len(folded.windows):
        window = folded.windows[folded.current]
        stage = next(place.stage for place in window.places if place.missing)
        reason = _nobody(policy, history, folded, votes)
        return Judgement(
            "blocked" if reason else "open", stage, needs, (), tuple(ignored), reason, window=window, **given
        )
    if not any(need.quorum for need in needs):
        nobody = "The policy asks for nobody; nothing is approved by nobody."
        return Judgement("open", "", needs, (), (nobody,), **given)
    conditions = _conditions(votes)
    if (policy.get("interim") or {}).get("needs_conditions") and not conditions:
        return Judgement(
            "open", "", needs, (), tuple(ignored), "An interim use is approved under conditions only.", **given
        )
    given |= {"effective": folded.since + policy.get("cool_down_hours", 0) * HOUR}
    state, reason, given["expires"] = _in_time(policy, history, given["effective"])
    return Judgement(state, "", needs, conditions, tuple(ignored), reason, **given)


def _fold(policy: Mapping[str, Any], history: History, votes: Sequence[Ballot]) -> _Fold:
    """Fill the windows in the order of the votes: one opens when all before it are full, and only then is signed."""
    escalated = {entry.stage for entry in history.escalations if entry.at <= history.now}
    found = [Matching(places) for places in windows(policy, escalated)]
    folded = _Fold(found, 0, history.submitted, set())
    inside: list[Voter] = []
    _skip_full(folded)
    for ballot in votes:
        if ballot.decision not in FOR:
            continue
        if folded.current == len(found):
            folded.idle.add(ballot.person)
            continue
        window = found[folded.current]
        voter = Voter(ballot.person, effective_roles(policy, history, ballot), ballot.unit)
        if not window.add(voter):
            folded.idle.add(ballot.person)
            continue
        inside.append(voter)
        if not window.missing:
            folded.since, inside = ballot.at, []
            _skip_full(folded)
    if inside:  # who fills what is told the same in whatever order they signed
        _again(found[folded.current], inside)
    return folded


def _skip_full(folded: _Fold) -> None:
    while folded.current < len(folded.windows) and not folded.windows[folded.current].missing:
        folded.current += 1


def _again(window: Matching, voters: Sequence[Voter]) -> None:
    for place in window.places:
        place.by = []
    for voter in sorted(voters, key=lambda voter: voter.key):
        window.add(voter)


def _need(place: Place) -> Need:
    return Need(place.stage, place.role, place.quorum, len(place.by), place.apart, place.roles)


def _stopped(policy: Mapping[str, Any], history: History, votes: Sequence[Ballot]) -> str:
    """The state that a rejecting or returning vote brings about, or nothing."""
    rule = policy["reject"]
    stops = {
        ballot.decision
        for ballot in votes
        if ballot.decision in {"reject", "return"} and effective_roles(policy, history, ballot) & set(rule["any_of"])
    }
    if "reject" in stops and rule.get("effect", "reject") == "reject":
        return "rejected"
    return "returned" if stops else ""


def _conditions(votes: Sequence[Ballot]) -> Conditions:
    """Every condition once, also when two signers asked it in the same words."""
    asked: list[Mapping[str, str]] = []
    for ballot in votes:
        asked += [entry for entry in ballot.conditions if entry not in asked and ballot.decision in FOR]
    return tuple(asked)


def _in_time(policy: Mapping[str, Any], history: History, effective: float) -> tuple[str, str, float | None]:
    """State, reason and end of a request that all have signed: what time, conditions and a withdrawal make of it."""
    expires = None if history.decided is None else history.decided + holds_for(policy)
    if history.ended is not None and history.ended <= history.now:
        return "ended", "The approval was withdrawn.", expires
    if history.now < effective:
        return "cooling", "Everybody has signed; it takes effect when the time to object has passed.", expires
    if expires is not None and history.now >= expires:
        return "expired", "The approval has expired.", expires
    late = [duty for duty in history.duties if history.now >= duty.due and (duty.met is None or duty.met > history.now)]
    if late:
        return "suspended", f"The condition “{late[0].text}” is overdue and not met.", expires
    if _unreviewed(policy, history):
        return "suspended", "The emergency use was not reviewed in time.", expires
    return "approved", "", expires


def _unreviewed(policy: Mapping[str, Any], history: History) -> bool:
    """Whether an emergency use is past the day of its review, and nobody has reviewed it."""
    if not policy.get("emergency") or history.decided is None:
        return False
    due = history.decided + policy["emergency"]["review_days"] * DAY
    return history.now >= due and (history.reviewed is None or history.reviewed > history.now)


def holds_for(policy: Mapping[str, Any]) -> float:
    """How many seconds an approval holds: the shortest time that the policy gives."""
    limits = [policy.get("valid_days", 0) * DAY]
    if policy.get("interim"):
        limits.append(policy["interim"]["max_days"] * DAY)
    if policy.get("emergency"):
        limits.append(policy["emergency"]["max_hours"] * HOUR)
    return float(min(limits))


def _nobody(policy: Mapping[str, Any], history: History, folded: _Fold, votes: Sequence[Ballot]) -> str:
    """Why the open stages cannot be completed by anybody, or nothing."""
    if history.candidates is None:
        return ""
    ahead = [place for window in folded.windows[folded.current :] for place in window.places]
    possible = Matching(Place(p.stage, p.role, p.roles, p.quorum, p.apart, list(p.by)) for p in ahead)
    taken = {
        person
        for ballot in votes
        if ballot.decision in FOR and ballot.person not in folded.idle
        for person in ballot.people
    }
    for one in history.candidates:
        if possible.missing and not one.machine and one.person not in taken:
            roles = frozenset(role for role in one.roles if not barred(policy, history, one.person, [role]))
            if roles and possible.add(Voter(one.person, roles, one.unit)):
                taken.add(one.person)
    for before, after in zip(ahead, possible.places, strict=True):
        if after.missing:
            return _too_few(before, before.missing - after.missing)
    return ""


def _too_few(place: Place, able: int) -> str:
    signature = "signature" if place.missing == 1 else "signatures"
    units = " of different business units" if place.apart and place.missing > 1 else ""
    return (
        f"This cannot be completed: {place.missing} more {signature} of a {place.role.replace('_', ' ')}{units} needed,"
        f" and {able if able > 0 else 'nobody'} may sign. It stays closed until somebody independent holds the role."
    )


# The end of the engine.


# ---------------------------------------------------------------------- what a security key signed (WebAuthn, RFC 9052)

PRESENT, USER_VERIFIED = 0x01, 0x04
P256 = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SHA256_OF_RSA = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, section 9.2


def _sum(p: tuple[int, int] | None, q: tuple[int, int] | None) -> tuple[int, int] | None:
    """Two points of P-256; None is the point at infinity."""
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P256 == 0:
            return None
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], P256 - 2, P256) % P256
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], P256 - 2, P256) % P256
    x = (slope * slope - p[0] - q[0]) % P256
    return x, (slope * (p[0] - x) - p[1]) % P256


def _multiple(scalar: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
    found = None
    while scalar:
        if scalar & 1:
            found = _sum(found, point)
        point, scalar = _sum(point, point), scalar >> 1
    return found


def p256_holds(x: int, y: int, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds, by FIPS 186-5, section 6.4.2, with SHA-256."""
    if max(x, y) >= P256 or (y * y - x * x * x + 3 * x - P256_B) % P256:
        return False
    parts = inside(der(signature)[0], SEQUENCE, 2)
    r, t = (int.from_bytes(content(part, 0x02), "big") for part in parts[:2])
    if not (0 < r < P256_ORDER and 0 < t < P256_ORDER):
        return False
    inverse = pow(t, P256_ORDER - 2, P256_ORDER)
    told = int.from_bytes(sha256(message).digest(), "big")
    point = _sum(_multiple(told * inverse % P256_ORDER, P256_BASE), _multiple(r * inverse % P256_ORDER, (x, y)))
    return point is not None and point[0] % P256_ORDER == r


def rsa_holds(modulus: int, exponent: int, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds, by RFC 8017, section 8.2.2, with SHA-256."""
    size = (modulus.bit_length() + 7) // 8
    told = SHA256_OF_RSA + sha256(message).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(told) - 3) + b"\x00" + told
    if size < 256 or exponent < 3 or len(signature) != size:
        return False
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == wanted


def parse_cose(raw: bytes) -> dict[int, Any]:
    """A public key as security keys write it: a map of small whole numbers to whole numbers or bytes (RFC 8949)."""
    at = 0

    def head() -> tuple[int, int]:
        nonlocal at
        kind, length = raw[at] >> 5, raw[at] & 31
        at += 1
        if length >= 24:
            size = {24: 1, 25: 2, 26: 4}[length]
            length = int.from_bytes(raw[at : at + size], "big")
            at += size
        return kind, length

    def value() -> Any:
        nonlocal at
        kind, number = head()
        if kind in (0, 1):
            return number if kind == 0 else -1 - number
        if kind != 2 or at + number > len(raw):
            raise Malformed("a public key holds whole numbers and bytes alone")
        at += number
        return raw[at - number : at]

    try:
        kind, pairs = head()
        if kind != 5:
            raise Malformed("a public key is a map")
        found = {value(): value() for _ in range(pairs)}
    except (IndexError, KeyError, TypeError) as error:
        raise Malformed("the public key cannot be read") from error
    if at != len(raw):
        raise Malformed("more follows the public key")
    return found


def key_holds(key: dict[int, Any], message: bytes, signature: bytes) -> bool:
    """Whether the signature of a security key holds; the application takes keys of these three kinds."""
    kind = (key.get(1), key.get(3))
    if kind == (2, -7) and key.get(-1) == 1:
        return p256_holds(int.from_bytes(key[-2], "big"), int.from_bytes(key[-3], "big"), message, signature)
    if kind == (1, -8) and key.get(-1) == 6:
        return ed25519_holds(key[-2], message, signature)
    if kind == (3, -257):
        return rsa_holds(int.from_bytes(key[-1], "big"), int.from_bytes(key[-2], "big"), message, signature)
    raise Malformed(f"keys of the kind {kind} are not taken")


def check_assertion(evidence: Any, digest: bytes, what: str) -> str:
    """Whether a security key answered exactly this digest; the digest of its public key."""
    names = ("authenticator_data", "client_data", "credential_id", "public_key", "signature")
    if evidence.__class__ is not dict or sorted(evidence) != list(names):
        raise Malformed(f"{what} holds no answer of a security key")
    try:
        data, client, _, key, signature = (base64.urlsafe_b64decode(evidence[name] + "==") for name in names)
        told = json.loads(client)
        kind, challenge, origin = told["type"], told["challenge"], told["origin"]
        holds = key_holds(parse_cose(key), data + sha256(client).digest(), signature)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, Malformed) as error:
        raise Malformed(f"{what}: the answer of the security key cannot be read ({error})") from error
    if kind != "webauthn.get" or challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
        raise Malformed(f"{what}: the security key answered something else than this statement")
    host = re.sub(r"^https?://|[:/].*$", "", str(origin)).split(".")
    if data[:32] not in {sha256(".".join(host[start:]).encode()).digest() for start in range(len(host))}:
        raise Malformed(f"{what}: the security key answered another site than {show(origin)}")
    if len(data) < 37 or not (data[32] & PRESENT and data[32] & USER_VERIFIED):
        raise Malformed(f"{what}: the security key did not verify who touched it")
    if not holds:
        raise Malformed(f"{what}: the signature of the security key does not hold")
    return sha256(key).hexdigest()


# ------------------------------------------------------------------------------------------------- separation of duties

DECIDED = ("approved", "rejected", "returned")
CONTRIBUTING = (
    "inventory.add_version",
    "inventory.edit_version",
    "inventory.attach_artifact",
    "inventory.link_dataset",
)
DEPLOYING = ("deployment.deploy", "deployment.roll_back")
ENROLLING = "access.enrol_key"
KEYS = (ENROLLING, "access.drop_factor", "access.remove_factor")
FACTS = {  # the columns of each table on which a decision rests
    "signoff_policy": ("digest", "loaded_by_id"),
    "signoff_request": (
        "policy_id", "subject_kind", "subject_key", "subject_digest", "unit_id", "submitted_by_id", "submitted_at", "status",
    ),
    "access_account": ("person_id", "kind", "is_active"),
    "access_rolegrant": ("account_id", "role", "unit_id", "since", "until", "revoked_at"),
    "access_businessunit": ("path",),
    "inventory_version": ("model_id", "developer_id"),
    "inventory_model": ("owner_id", "developer_id"),
    "signoff_exclusion": ("request_id", "person_id", "reason", "at"),
    "signoff_edit": ("request_id", "at", "digest", "fields"),
    "signoff_recusal": ("request_id", "person_id", "reason"),
    "signoff_escalation": ("request_id", "stage", "at"),
    "signoff_delegation": ("principal_id", "delegate_id", "since", "until", "ended_at"),
    "validation_validation": ("version_id", "validator_id"),
    "approval_approval": ("request_id", "version_id", "environments"),
    "signoff_vote": (
        "request_id", "person_id", "account_id", "principal_id", "role", "roles", "unit_path", "decision", "subject_digest",
        "statement", "statement_digest", "printed_name", "conditions", "rationale", "method", "signed_at",
        "evidence",
    ),
}  # fmt: skip
EVERYWHERE = "every environment"
LISTS = {  # under which column rows are found again
    "signoff_exclusion": "request_id",
    "signoff_edit": "request_id",
    "signoff_recusal": "request_id",
    "signoff_escalation": "request_id",
    "signoff_delegation": "delegate_id",
    "signoff_vote": "request_id",
    "validation_validation": "version_id",
    "access_account": "person_id",
    "access_rolegrant": "account_id",
}


CONTRIBUTING_AS_WRITTEN = {quoted(verb) for verb in (*CONTRIBUTING, *DEPLOYING, *KEYS)}
FACT_COLUMNS = {table: frozenset(columns) for table, columns in FACTS.items()}


def is_fact(change: dict[str, Any]) -> bool:
    """Whether a decision may rest on what this change says."""
    columns = FACT_COLUMNS.get(change["table"])
    return columns is not None and (change["op"] != "update" or not columns.isdisjoint(change["after"]))


def is_of_duty(event: Event, changes: list[dict[str, Any]]) -> bool:
    """Whether a decision may rest on the event; few are."""
    return event.verb in CONTRIBUTING_AS_WRITTEN or any(map(is_fact, changes))


class Later:
    """Keeps the events on which decisions may rest, in a file: they are looked at in the order of the whole log."""

    NAMES = ("at", "actor", "details", "object", "outcome", "subject", "verb")

    def __init__(self, path: str) -> None:
        self.path, self.rows = path, []

    def take(self, index: int, event: dict[str, Any], changes: list[dict[str, Any]]) -> None:
        self.rows.append((index, {name: event[name] for name in self.NAMES}, list(filter(is_fact, changes))))
        if len(self.rows) >= 200:
            self.flush()

    def flush(self) -> None:
        _marshal(self.path, self.rows)
        self.rows = []


class Duties:
    """Re-evaluates every decision from the events and the policy pinned to it, at the moment it was made."""

    def __init__(self, files: Files, verdict: Verdict, desk: Desk, whole: bool) -> None:
        self.files, self.verdict, self.whole = files, verdict, whole
        self.kept, self.desk = Kept(desk), desk
        self.policies: dict[str, Any] = {}
        self.decisions = 0
        self.waiting: list[str] = []  # files of events that other processes left, in the order of the log

    def later(self, number: int) -> Later:
        return Later(os.path.join(self.desk(), f"duties.{number}"))

    def take(self, index: int, event: dict[str, Any], changes: list[dict[str, Any]]) -> None:
        decided = []
        for change in filter(is_fact, changes):
            self._learn(index, event, change)
            after = change["after"] or {}
            if change["table"] == "signoff_request" and after.get("status") in DECIDED:
                decided.append(change["row"])
        if event["outcome"] == "done" and event["actor"]["person"]:
            if event["verb"] in CONTRIBUTING:
                self._add(f"made {event['subject']['id']}", event["actor"]["person"])
            elif event["verb"] in DEPLOYING:
                self._add(f"deployed {event['object']['id']}", event["actor"]["person"])
            elif event["verb"] in KEYS:
                self._learn_key(event)
        for request in decided:
            self.decisions += 1
            try:
                self._decide(index, event, request)
            except (Cut, Malformed) as error:
                self.verdict.find(f"{called(index, event)}: {error}")
            except (KeyError, TypeError) as error:
                self.verdict.find(f"{called(index, event)}: the decision rests on rows that lack {error}")

    def _add(self, name: str, entry: str) -> None:
        known = self.kept.get(name, [])
        if entry not in known:
            self.kept.put(name, [*known, entry])

    def _learn_key(self, event: dict[str, Any]) -> None:
        """A security key is its owner's from the event in which he set it up until it is taken away."""
        credential = event["details"].get("credential_id")
        if credential:
            owner = [event["actor"]["person"], event["details"].get("public_key_digest")]
            self.kept.put(f"key {credential}", owner if event["verb"] == ENROLLING else [])

    def _check_method(self, what: str, vote: dict[str, Any]) -> None:
        """A vote by security key holds the key's answer to its statement, and the key was set up by who voted."""
        evidence = vote.get("evidence") or {}
        if vote["method"] != "webauthn":
            if evidence:
                raise Malformed(f"{what} is by {vote['method']}, and holds the answer of a security key")
            return
        public = check_assertion(evidence, bytes.fromhex(vote["statement_digest"]), what)
        if self.whole and self.kept.get(f"key {evidence['credential_id']}", []) != [vote["person_id"], public]:
            raise Malformed(f"{what} is signed by a security key that {vote['person_id']} had not set up then")

    def _learn(self, index: int, event: dict[str, Any], change: dict[str, Any]) -> None:
        table, row = change["table"], change["row"]
        after = change["after"] or {}
        known = self.kept.get(f"{table} {row}", {}) if change["op"] == "update" else {}
        facts = {**known, **{name: after[name] for name in FACTS[table] if name in after}}
        self.kept.put(f"{table} {row}", facts)
        if change["op"] != "insert":
            return
        if table in LISTS:
            self._add(f"{table} of {facts.get(LISTS[table])}", row)
        if table == "signoff_vote":
            facts["named"] = event["actor"]["roles"]
            self._check_vote(index, event, row, facts)
        elif table == "approval_approval":
            request = facts.get("request_id")
            self.kept.put(f"approval {request}", (index, row, event["at"]))

    def _check_vote(self, index: int, event: dict[str, Any], row: str, vote: dict[str, Any]) -> None:
        what = f"{called(index, event)}: vote {row}"
        if event["actor"]["person"] != vote.get("person_id"):
            self.verdict.find(f"{what} is in the name of {vote.get('person_id')}, but {event['actor']['key']} gave it")
        try:
            raw = vote["statement"].encode()
            statement = parse(raw, f"{what}: the statement")
            pairs = {
                "decision": vote["decision"],
                "rationale": vote["rationale"],
                "conditions": vote["conditions"],
                "subject_digest": vote["subject_digest"],
                "person": vote["person_id"],
                "role": vote["role"],
                "roles": vote["roles"],
                "principal": vote["principal_id"] or "",
                "name": vote["printed_name"],
            }
            if sha256(raw).hexdigest() != vote["statement_digest"]:
                raise Malformed(f"{what} does not have the digest of its statement")
            for name, value in pairs.items():
                if encode(statement[name]) != encode(value):
                    raise Malformed(
                        f"{what}: {name} is {show(value)}, the statement signed says {show(statement[name])}"
                    )
            vote["policy_digest"] = statement["policy_digest"]
            vote["environments"] = sorted(statement.get("terms", {}).get("environments", {}))
            self._check_method(what, vote)
        except Malformed as error:
            self.verdict.find(str(error))
        except (KeyError, TypeError, AttributeError):
            self.verdict.find(f"{what} does not hold a statement as it is signed")
        del vote["statement"]
        vote.pop("evidence", None)
        self.kept.put(f"signoff_vote {row}", vote)

    def _decide(self, index: int, event: dict[str, Any], name: str) -> None:
        request = self.kept.get(f"signoff_request {name}", {})
        votes = [self.kept.get(f"signoff_vote {row}") for row in self.kept.get(f"signoff_vote of {name}", [])]
        policy = self._policy(request, votes)
        history = self._history(name, request, votes, event["at"])
        found = evaluate(policy, history).state
        if found != request["status"]:
            shut = {person: barred(policy, history, person, roles) for person, roles in history.held.items()}
            parties = "; ".join(f"{person} {reason}" for person, reason in shut.items() if reason)
            raise Malformed(
                f"request {name} was {request['status']}, but its {len(votes)} votes make it {found} under its policy"
                + (f"; the vote of {parties} does not count" if parties else "")
            )
        self.kept.put(f"decided {name}", found)

    def _policy(self, request: dict[str, Any], votes: list[dict[str, Any]]) -> Any:
        digests = {vote["policy_digest"] for vote in votes}
        if pinned := self.kept.get(f"signoff_policy {request['policy_id']}"):
            digests.add(pinned["digest"])
        elif self.whole:
            raise Malformed(f"no event loaded the policy {request['policy_id']} pinned to the request")
        if len(digests) != 1:
            raise Malformed(f"the request and its votes rest on {len(digests)} policies instead of one")
        digest = digests.pop()
        if digest not in self.policies:
            name = f"policies/{digest}.json"
            raw = self.files.read(name)
            if sha256(raw).hexdigest() != digest:
                raise Malformed(f"{name} does not have the digest that the request was pinned to")
            if len(self.policies) > 100:
                self.policies.clear()
            self.policies[digest] = parse(raw, name)
        return self.policies[digest]

    def _history(self, name: str, request: dict[str, Any], votes: list[dict[str, Any]], at: str) -> History:
        """Everything that the log says the decision rests on, at the moment it was made."""
        people = {key for vote in votes for key in (vote["person_id"], vote.get("principal_id")) if key}
        now = _seconds(at)
        return History(
            subject_digest=request["subject_digest"],
            ballots=tuple(self._ballot(vote, request) for vote in votes),
            excluded={each["person_id"]: Party(each["reason"]) for each in self._rows("signoff_exclusion", name)},
            held={person: self._held(person, votes, request, at, now=True) for person in people},
            involved=self._involved(request),
            edits=tuple(Edit(_seconds(each["at"]), each["digest"], frozenset(each["fields"]))
                        for each in self._rows("signoff_edit", name)),
            recused={each["person_id"]: each["reason"] for each in self._rows("signoff_recusal", name)},
            delegations=tuple(_delegation(each) for person in sorted(people)
                              for each in self._rows("signoff_delegation", person)),
            escalations=tuple(Escalation(each["stage"], _seconds(each["at"]))
                              for each in self._rows("signoff_escalation", name)),
            now=now,
            submitted=_seconds(request["submitted_at"]),
        )  # fmt: skip

    def _rows(self, table: str, of: str) -> list[dict[str, Any]]:
        return [self.kept.get(f"{table} {row}") for row in self.kept.get(f"{table} of {of}", [])]

    def _ballot(self, vote: dict[str, Any], request: dict[str, Any]) -> Ballot:
        people = [key for key in (vote["person_id"], vote.get("principal_id")) if key]
        then = {person: self._held(person, [vote], request, vote["signed_at"], now=False) for person in people}
        account = self.kept.get(f"access_account {vote['account_id']}", {})
        return Ballot(
            vote["person_id"], vote["role"], vote["unit_path"], vote["decision"], vote["subject_digest"],
            tuple(vote["conditions"]), _seconds(vote["signed_at"]), vote.get("principal_id") or "",
            frozenset(vote["roles"]), then, vote["method"], account.get("kind") == "service",
        )  # fmt: skip

    def _involved(self, request: dict[str, Any]) -> dict[str, dict[str, Party]]:
        """The parts that people had in the subject, found again from the log."""
        found: dict[str, dict[str, Party]] = {}
        policy = self.kept.get(f"signoff_policy {request['policy_id']}", {})
        told = [
            ("submitter", "submitted the request", [self._person(request["submitted_by_id"])]),
            ("policy_admin", "loaded the policy", [self._person(policy.get("loaded_by_id"))]),
        ]
        if request["subject_kind"] == "version_use":
            version = self.kept.get(f"inventory_version {request['subject_key']}", {})
            model = self.kept.get(f"inventory_model {version.get('model_id')}", {})
            validators = [
                each.get("validator_id") for each in self._rows("validation_validation", request["subject_key"])
            ]
            told += [
                ("model_owner", "owns the model", [model.get("owner_id")]),
                ("developer", "developed it", [version.get("developer_id"), model.get("developer_id")]),
                ("contributor", "contributed to the version", self.kept.get(f"made {request['subject_key']}", [])),
                ("validator", "validated the version", validators),
                ("deployer", "deployed the model", self.kept.get(f"deployed {version.get('model_id')}", [])),
            ]
        for part, words, people in told:
            for person in filter(None, people):
                found.setdefault(person, {}).setdefault(part, Party(words))
        return found

    def _person(self, account: str | None) -> str | None:
        person: str | None = self.kept.get(f"access_account {account}", {}).get("person_id")
        return person

    def _held(
        self, person: str, votes: list[dict[str, Any]], request: dict[str, Any], at: str, *, now: bool
    ) -> frozenset[str]:
        """The roles that the person held on the subject's unit at a moment; closed accounts hold none now."""
        if not self.whole:
            return frozenset(role for vote in votes if vote["person_id"] == person for role in vote["named"])
        unit = self.kept.get(f"access_businessunit {request['unit_id']}", {}).get("path", "")
        roles = set()
        for account in self.kept.get(f"access_account of {person}", []):
            if now and self.kept.get(f"access_account {account}")["is_active"] is not True:
                continue
            for row in self.kept.get(f"access_rolegrant of {account}", []):
                grant = self.kept.get(f"access_rolegrant {row}")
                above = self.kept.get(f"access_businessunit {grant['unit_id']}", {}).get("path", "-")
                if unit.startswith(above) and _in_force(grant, at):
                    roles.add(grant["role"])
        return frozenset(roles)

    def _signed_for_others(self, request: str, approval: str) -> Iterator[tuple[str, str]]:
        """The votes for an approval that name other environments than it holds for, with those they name."""
        for row in self.kept.get(f"signoff_vote of {request}", []):
            vote = self.kept.get(f"signoff_vote {row}", {})
            if vote.get("decision") in FOR and "environments" in vote:
                signed = ", ".join(vote["environments"]) or EVERYWHERE
                if signed != self._named(approval):
                    yield row, signed

    def _named(self, approval: str) -> str:
        """The environments that an approval holds for, as the events leave it."""
        found = self.kept.get(f"approval_approval {approval}", {}).get("environments") or []
        return ", ".join(sorted(map(str, found))) or EVERYWHERE

    def check(self) -> None:
        for path in self.waiting:
            for rows in _marshalled(path):
                for row in rows:
                    self.take(*row)
        for name, (index, row, _) in self.kept.named("approval "):
            if self.kept.get(f"decided {name[9:]}") != "approved":
                self.verdict.find(f"event {index}: approval {row} rests on request {name[9:]}, which was not approved")
            for vote, signed in self._signed_for_others(name[9:], row):
                self.verdict.find(
                    f"event {index}: approval {row} holds for {self._named(row)}, but vote {vote} is signed for {signed}"
                )
        roles = "" if self.whole else ", with the roles that the events name (grants are not in this bundle)"
        self.verdict.told = f"{self.decisions} decisions follow from their votes and pinned policies{roles}"
        self.kept.close()


def _delegation(row: dict[str, Any]) -> Delegation:
    ended = _seconds(row["ended_at"]) if row["ended_at"] else None
    return Delegation(row["principal_id"], row["delegate_id"], _seconds(row["since"]), _seconds(row["until"]), ended)


def _seconds(text: str) -> float:
    """Seconds since 1970 of a time in UTC."""
    return dt.datetime.fromisoformat(_instant(text) + "+00:00").timestamp()


def _in_force(grant: dict[str, Any], at: str) -> bool:
    since, until, revoked = (_instant(grant[name]) for name in ("since", "until", "revoked_at"))
    now = _instant(at)
    return since <= now and (not until or now < until) and (not revoked or now < revoked)


def _instant(text: str | None) -> str:
    """A time as PostgreSQL writes it in UTC, made comparable as text; empty for none."""
    if text is None:
        return ""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00(?::?00)?)", text)
    if found is None:
        raise Malformed(f"the time {text!r} is not in UTC")
    return f"{found[1]}T{found[2]}.{found[3] or '':0<6}"


# -------------------------------------------------------------------------------------------------------- the whole check


def check(files: Files, options: Options = Options()) -> Report:  # noqa: B008  (a tuple: nobody can change it)
    """Every verdict on a bundle; raises Unreadable when it is none."""
    report, desk = Report(), Desk()
    collecting = gc.isenabled()
    gc.disable()  # nothing here points in circles, and looking for circles among millions of values takes long
    try:
        log = Log(files, options, report, desk)
        log.anchors.begin()
        log.check()
        broken = bool(report[INTEGRITY].count)
        if broken and not report[ANCHORED].count:
            report[ANCHORED].unchecked = "the log does not hold together, so it is not compared with its anchors"
        elif not broken or report[ANCHORED].count:
            log.anchors.finish()
        _finish(log, report, broken)
        for verdict in report.verdicts.values():
            verdict.order()
        disclose(files, report)
    finally:
        desk.clear()
        if collecting:
            gc.enable()
    return report


def _finish(log: Log, report: Report, broken: bool) -> None:
    kind = log.scope["kind"]
    if broken:
        for name in (COMPLETENESS, DUTIES):
            report[name].unchecked = "the log does not hold together, so nothing is concluded from it"
    if log.quick:
        for name in (COMPLETENESS, DUTIES):
            report[name].unchecked = "--quick looks at hashes and signatures alone"
        return
    check_duties = log.duties.check if log.duties is not None and not broken else lambda: None
    if kind != "log":
        report[COMPLETENESS].unchecked = f"live rows come with the whole log only; this bundle is of the scope {kind}"
    if log.replay is not None and not broken:
        log.replay.check(log.jobs, check_duties)
    else:
        check_duties()
    if kind == "since":
        report[DUTIES].unchecked = "decisions rest on events before the bundle's first; only the whole log shows them"


def printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def read_file(path: str, most: int = SMALL) -> bytes:
    try:
        with open(path, "rb") as file:
            content_ = file.read(most + 1)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
    if len(content_) > most:
        raise Unreadable(f"{path} is larger than {most} bytes")
    return content_


def brought(paths: list[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if not os.path.isdir(path):
            yield path, read_file(path)
            continue
        names = sorted(os.path.join(folder, name) for folder, _, files in os.walk(path) for name in files)
        if not names:
            raise Unreadable(f"the folder {path} holds no anchor")
        for name in names:
            yield name, read_file(name)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Checks an exported audit log offline.")
    parser.add_argument("bundle", help="the exported zip, or the folder it was unpacked to")
    parser.add_argument("--key", action="append", default=[], help="a key of the log, as published: name+id+base64")
    parser.add_argument("--since", help="a file with a checkpoint of this log that you kept")
    parser.add_argument(
        "--anchor", action="append", default=[], help="a copy or time stamp kept elsewhere, or a folder"
    )
    parser.add_argument("--tsa", action="append", default=[], help="a certificate of the time-stamping authority (PEM)")
    parser.add_argument("--witness", action="append", default=[], help="the key of a witness: name+id+base64")
    parser.add_argument("--quick", action="store_true", help="hashes and signatures alone, not what the events say")
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="how many processes; without, as many as cores"
    )
    parser.add_argument("--json", action="store_true", help="print everything found as JSON")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    given = arguments(sys.argv[1:] if argv is None else argv)
    try:
        options = Options(
            tuple(given.key),
            note_text(read_file(given.since), given.since) if given.since else None,
            tuple(brought(given.anchor)),
            tuple(read_file(path) for path in given.tsa),
            tuple(given.witness),
            given.quick,
            max(0, given.jobs),
        )
        report = check(open_bundle(given.bundle), options)
    except (Unreadable, Cut, Malformed) as error:
        return _unreadable(str(error), given.json)
    except Exception as error:  # (whatever a hostile bundle brings about: one line, no traceback)
        return _unreadable(f"the bundle cannot be read: {type(error).__name__}: {error}", given.json)
    if given.json:
        print(json.dumps(report.as_json(), indent=1))
    else:
        for line in report.lines():
            print(printable(line))
    return report.exit_status


def _unreadable(sentence: str, as_json: bool) -> int:
    line = printable(COMMITMENT.sub(UNDISCLOSED, sentence.split("\n", maxsplit=1)[0])[:500])
    print(json.dumps({"exit_status": 2, "unreadable": line}) if as_json else f"UNREADABLE  {line}")
    return 2


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
