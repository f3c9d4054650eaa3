"""Many models from one CSV file: read and judged as a whole, then entered as a whole or not at all."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import IntegrityError

from mrm.access.models import Account, BusinessUnit, Person
from mrm.access.queries import persons, units_open_to
from mrm.audit.trail import audited, describe, recorded
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.canonical import digest
from mrm.core.refusal import Invalid, Refused
from mrm.inventory.models import Model

NEEDED = ("name", "unit", "owner", "developer", "use_summary")
TEXTS = ("key_features", "rationale", "vendor", "contingency_plan")
CHOICES = ("kind", "origin", "explainability_need", "autonomy")
LISTS = ("approved_uses", "limitations", "limitation_conditions")
COLUMNS = (*NEEDED, *TEXTS, *CHOICES, *LISTS, "generative_or_agentic")
MOST_ROWS = 20_000
MOST_BYTES = 16 * 1024 * 1024
YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Problem:
    """What is wrong in one place; row 1 is the header."""

    row: int
    column: str
    sentence: str


@dataclass(frozen=True)
class Plan:
    """What an import would do: the records to be entered, or every reason why it cannot."""

    sha256: str
    rows: tuple[tuple[int, dict[str, Any]], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def ready(self) -> bool:
        return bool(self.rows) and not self.problems


@dataclass
class _Known:
    """What the rows may refer to, read once."""

    units: dict[str, BusinessUnit]
    people: dict[str, Person]
    taken: set[str]
    seen: dict[str, int] = field(default_factory=dict)


def keep_import(content: bytes) -> str:
    """Put the file aside between the dry run and the import; its digest names it."""
    return blobs.put([content], largest=MOST_BYTES).sha256


def kept_import(sha256: str) -> str:
    return _text(blobs.read(sha256))


def decode(content: bytes) -> str:
    """The text of an uploaded file, or Invalid."""
    if len(content) > MOST_BYTES:
        sentence = f"The file is larger than {MOST_BYTES // (1024 * 1024)} MiB; split it."
        raise Invalid(sentence, fields={"file": [sentence]})
    return _text(content)


def plan_import(text: str, *, actor: Actor) -> Plan:
    """Judge every row and change nothing. Persons are named by e-mail address, units by key, lists with `|`."""
    sha256 = digest(text)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        return Plan(
            sha256, problems=(Problem(_last_row(text), "", f"The file ends inside a field or is not CSV: {error}."),)
        )
    if problems := _header_problems(lines):
        return Plan(sha256, problems=tuple(problems))
    names = [name.strip() for name in lines[0]]
    known = _known(actor)
    rows: list[tuple[int, dict[str, Any]]] = []
    faults: list[Problem] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            sentence = f"The row has {len(cells)} fields and the header {len(names)}."
            faults.append(Problem(number, "", sentence))
            continue
        facts, wrong = _facts(number, dict(zip(names, (_unescaped(cell) for cell in cells), strict=True)), known)
        faults += wrong
        rows.append((number, facts))
    if not rows and not faults:
        faults.append(Problem(2, "", "The file has a header but no rows."))
    return Plan(sha256, tuple(rows), tuple(faults))


@audited("inventory.import_models", "imported {count} models into {subject}")
def import_models(plan: Plan, *, actor: Actor) -> BusinessUnit:
    """Register every row of the plan, each with its own event, in one transaction; returns the unit that holds all."""
    if not plan.ready:
        raise Refused("Nothing was imported: the file has rows that must be corrected first.")
    describe(count=len(plan.rows), file=plan.sha256)
    for unit in {facts["unit"].pk: facts["unit"] for _number, facts in plan.rows}.values():
        permit(actor, "inventory.register", unit)
    if taken := _taken(plan):
        raise Invalid(*(f"Row {number}: {sentence} Nothing was imported." for number, sentence in taken))
    try:
        for _number, facts in plan.rows:
            with recorded("inventory.register", actor=actor) as opened:
                opened.subject = Model.objects.create(**facts)
    except IntegrityError as error:
        raise Refused(
            "Somebody registered one of the names at this moment. Nothing was imported; try again."
        ) from error
    return _common({facts["unit"].pk: facts["unit"] for _number, facts in plan.rows})


def _taken(plan: Plan) -> list[tuple[int, str]]:
    """Names that were registered since the plan was made; asked once, not row by row."""
    names = {name.lower() for name in Model.objects.values_list("name", flat=True)}
    return [
        (number, f"A model named {facts['name']} is registered already.")
        for number, facts in plan.rows
        if facts["name"].lower() in names
    ]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        sentence = f"The text in row {row} is not UTF-8; save the file as CSV UTF-8."
        raise Invalid(sentence, fields={"file": [sentence]}) from error


def _last_row(text: str) -> int:
    return text.rstrip("\n").count("\n") + 1


def _header_problems(lines: list[list[str]]) -> list[Problem]:
    if not lines or not any(cell.strip() for cell in lines[0]):
        return [Problem(1, "", "The file is empty; its first row names the columns.")]
    if len(lines) - 1 > MOST_ROWS:
        return [Problem(1, "", f"The file has {len(lines) - 1:,} rows; at most {MOST_ROWS:,} are taken at once.")]
    names = [name.strip() for name in lines[0]]
    unknown = [
        Problem(1, name, f"No such column; known are {', '.join(COLUMNS)}.") for name in names if name not in COLUMNS
    ]
    twice = [Problem(1, name, "The column appears twice.") for name in sorted(set(names)) if names.count(name) > 1]
    absent = [Problem(1, name, "The column is needed.") for name in NEEDED if name not in names]
    return [*unknown, *twice, *absent]


def _known(actor: Actor) -> _Known:
    everywhere = not hasattr(actor, "units_for")
    units = BusinessUnit.objects.all() if everywhere else units_open_to(cast(Account, actor), "inventory.register")
    return _Known(
        {unit.key: unit for unit in units},
        {person.email.lower(): person for person in persons()},
        {name.lower() for name in Model.objects.values_list("name", flat=True)},
    )


def _facts(number: int, row: dict[str, str], known: _Known) -> tuple[dict[str, Any], list[Problem]]:
    facts: dict[str, Any] = {}
    problems: list[Problem] = []
    for column, cell in row.items():
        try:
            facts[column] = READERS[column](column, cell.strip(), known)
        except ValueError as fault:
            problems.append(Problem(number, column, str(fault)))
    name = row["name"].strip().lower()
    if name in known.seen:
        problems.append(Problem(number, "name", f"The same name stands in row {known.seen[name]}."))
    known.seen.setdefault(name, number)
    return facts, problems


Reader = Callable[[str, str, _Known], Any]


def _plain(column: str, cell: str, known: _Known) -> str:
    longest = Model._meta.get_field(column).max_length  # type: ignore[union-attr]
    if longest and len(cell) > longest:
        raise ValueError(f"Longer than {longest} characters.")
    return cell


def _required(column: str, cell: str, known: _Known) -> str:
    if not cell:
        raise ValueError("Needed, but empty.")
    return _plain(column, cell, known)


def _name(column: str, cell: str, known: _Known) -> str:
    if cell.lower() in known.taken:
        raise ValueError(f"A model named {cell} is registered already.")
    return _required(column, cell, known)


def _unit(column: str, cell: str, known: _Known) -> BusinessUnit:
    if cell not in known.units:
        raise ValueError(f"No unit with the key {cell or '(empty)'} in which you may register models.")
    return known.units[cell]


def _person(column: str, cell: str, known: _Known) -> Person:
    if cell.lower() not in known.people:
        raise ValueError(f"Nobody with the address {cell or '(empty)'} is entered.")
    return known.people[cell.lower()]


def _choice(column: str, cell: str, known: _Known) -> str:
    target = Model._meta.get_field(column)
    if not cell:
        return str(target.default)  # type: ignore[union-attr]
    values = [str(value) for value, _label in target.flatchoices]  # type: ignore[union-attr]
    if cell not in values:
        raise ValueError(f"{cell} is none of {', '.join(values)}.")
    return cell


def _list(column: str, cell: str, known: _Known) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _yes_no(column: str, cell: str, known: _Known) -> bool:
    if cell.lower() not in YES_NO:
        raise ValueError(f"{cell} is neither yes nor no.")
    return YES_NO[cell.lower()]


def _readers() -> Iterator[tuple[str, Reader]]:
    yield from ((name, _plain) for name in TEXTS)
    yield from ((name, _choice) for name in CHOICES)
    yield from ((name, _list) for name in LISTS)


READERS: dict[str, Reader] = {
    "name": _name,
    "unit": _unit,
    "owner": _person,
    "developer": _person,
    "use_summary": _required,
    "generative_or_agentic": _yes_no,
    **dict(_readers()),
}


def _unescaped(cell: str) -> str:
    """Exports put an apostrophe before what a spreadsheet would run as a formula; take it off again."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@\t\r" else cell


def _common(units: dict[Any, BusinessUnit]) -> BusinessUnit:
    """The lowest unit that contains all of these."""
    paths = [unit.path.strip("/").split("/") for unit in units.values()]
    shared: list[str] = []
    for step in zip(*paths, strict=False):
        if len(set(step)) > 1:
            break
        shared.append(step[0])
    if not shared:
        return next(iter(units.values()))
    return BusinessUnit.objects.get(path=f"/{'/'.join(shared)}/")
