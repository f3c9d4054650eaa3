"""Pickles looked through without running them as their authors meant: our own rule on names, and fickling beside it."""

from __future__ import annotations

import importlib.util
import io
import pickletools
import zipfile
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from mrm.measures.artifacts import Refusal
from mrm.measures.inspection.formats import opens_pickle
from mrm.measures.inspection.report import Limits, Look, Unreadable
from mrm.measures.pickles import Untold, known, scan

_JOBLIB = "joblib.numpy_pickle.NumpyArrayWrapper"
RULE = "1"  # of the rule on names; another rule is another number
MOST_NAMED = 5
MOST_KEPT = 200
# what puts the tensors of a torch archive together
_TENSORS = frozenset({
    ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"), ("torch", "Size"),
    *(("torch", f"{kind}Storage") for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
})  # fmt: skip


def look(content: bytes, limits: Limits) -> list[Look]:
    """Our look at a pickle or joblib file, which makes nothing of a name that no estimator needs, and fickling's."""
    try:
        names = scan(content)
    except Untold as fault:
        ours = Look("names", RULE, unable=str(fault))
    except Refusal as fault:
        ours = Look("names", RULE, (str(fault),))
    else:
        ours = Look("names", RULE, facts={"names": names[:MOST_KEPT]})
    # joblib packs its files and puts raw arrays between the instructions, which fickling cannot read
    plain = opens_pickle(content) and _JOBLIB not in ours.facts.get("names", ())
    return [ours, *(_fickling([content]) if plain else [])]


def look_into_archive(content: bytes, limits: Limits) -> list[Look]:
    """The same of every pickle in an archive, read by their instructions only: nothing of it is opened here."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if unable := too_large(archive, limits):
            return [Look("names", RULE, unable=unable)]
        members = {name: archive.read(name) for name in archive.namelist() if name.endswith((".pkl", ".pickle"))}
    named: set[tuple[str, str]] = set()
    try:
        for member in members.values():
            named |= set(names_in(member))
    except Unreadable as fault:
        return [Look("names", RULE, unable=str(fault)), *_fickling(list(members.values()))]
    strange = sorted(f"{module}.{name}" for module, name in named - _TENSORS if not known(module, name))
    told = sorted(f"{module}.{name}" for module, name in named)[:MOST_KEPT]
    more = f" and {len(strange) - MOST_NAMED} more" if len(strange) > MOST_NAMED else ""
    said = [f"The archive names {', '.join(strange[:MOST_NAMED])}{more}, which no model needs."] if strange else []
    return [Look("names", RULE, tuple(said), facts={"names": told}), *_fickling(list(members.values()))]


def names_in(content: bytes) -> Iterator[tuple[str, str]]:
    """The modules and names that a pickle's instructions ask for, without carrying one of them out."""
    kept: dict[int, str] = {}
    pushed: list[str] = []
    try:
        for code, argument, _position in pickletools.genops(content):
            if code.name in {"GLOBAL", "INST"}:
                module, _, name = str(argument).partition(" ")
                yield module, name
            elif code.name == "STACK_GLOBAL":
                if len(pushed) < 2:
                    raise Unreadable("The pickle asks for a name that it puts together as it runs.")
                yield pushed[-2], pushed[-1]
            elif code.name == "MEMOIZE":
                kept[len(kept)] = pushed[-1] if pushed else ""
            elif "PUT" in code.name:
                kept[int(argument or 0)] = pushed[-1] if pushed else ""
            elif "GET" in code.name:
                pushed.append(kept.get(int(argument or 0), ""))
            elif isinstance(argument, str):
                pushed.append(argument)
    except ValueError as error:
        raise Unreadable(f"The instructions of the pickle cannot be read: {error}"[:300]) from error


def too_large(archive: zipfile.ZipFile, limits: Limits) -> str:
    """Why an archive is not unpacked: it may hold far more than it has bytes."""
    total = sum(each.file_size for each in archive.infolist())
    if total <= limits.unpacked:
        return ""
    return f"Unpacked the file has {total / 2**20:,.0f} MiB; {limits.unpacked / 2**20:,.0f} MiB are the most that are unpacked."


def _fickling(pickles: list[bytes]) -> list[Look]:
    """What fickling says, where it is installed: only what it holds for an attack counts, it knows no estimators."""
    if importlib.util.find_spec("fickling") is None:
        return []
    from fickling.analysis import Severity, check_safety  # noqa: PLC0415  an optional tool
    from fickling.fickle import Pickled  # noqa: PLC0415  the same

    version, found, worst = metadata.version("fickling"), [], Severity.LIKELY_SAFE
    try:
        for content in pickles:
            results = check_safety(Pickled.load(content))
            worst = max(worst, results.severity)
            found += [str(each) for each in results.results if each.severity >= Severity.LIKELY_OVERTLY_MALICIOUS]
    except Exception as error:  # of files that are no plain pickles it makes any error
        return [Look("fickling", version, unable=f"fickling cannot read the file: {type(error).__name__}.")]
    return [Look("fickling", version, tuple(found), facts={"fickling": f"{_words(worst)}; it knows no estimators"})]


def _words(severity: Any) -> str:
    return str(severity.name).lower().replace("_", " ")
