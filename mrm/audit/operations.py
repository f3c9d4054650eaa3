"""Migration operations that put the guards on a table."""

from collections.abc import Iterable, Mapping, Sequence

from django.db import migrations

CAPTURE_TRIGGER = "audit_capture"
TRUNCATE_TRIGGER = "audit_no_truncate"
APPEND_TRIGGER = "audit_append_only"
ONCE_TRIGGER = "audit_set_once"
STATE_TRIGGER = "audit_states"


def _trigger(table: str, name: str, when: str, call: str) -> str:
    return f'CREATE TRIGGER {name} {when} ON "{table}" {call};ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER {name};'


def _drop(table: str, *names: str) -> str:
    return "".join(f'DROP TRIGGER IF EXISTS {name} ON "{table}";' for name in names)


def _literals(values: Iterable[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


class Govern(migrations.RunSQL):
    """Refuse writes outside an audited action and copy each row change.

    `exclude` names secret columns, which are never copied; `personal` maps a column that is copied as a commitment to
    the column that holds the person's key.
    """

    def __init__(
        self, table: str, key: str = "id", exclude: Sequence[str] = (), personal: Mapping[str, str] | None = None
    ) -> None:
        self.table, self.key, self.exclude, self.personal = table, key, tuple(exclude), dict(personal or {})
        arguments = _literals([key, *exclude, *(f"{column}@{whose}" for column, whose in self.personal.items())])
        super().__init__(
            sql=_trigger(
                table,
                CAPTURE_TRIGGER,
                "AFTER INSERT OR UPDATE OR DELETE",
                f"FOR EACH ROW EXECUTE FUNCTION audit_capture({arguments})",
            )
            + _trigger(
                table, TRUNCATE_TRIGGER, "BEFORE TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
            ),
            reverse_sql=_drop(table, CAPTURE_TRIGGER, TRUNCATE_TRIGGER),
        )

    def deconstruct(self) -> tuple[str, Sequence[object], dict[str, object]]:
        return (self.__class__.__name__, [self.table, self.key, self.exclude, self.personal], {})


def split_arguments(arguments: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """What a capture trigger was given: the key, the secret columns, and the personal ones as column@person."""
    key, *rest = arguments
    return key, [each for each in rest if "@" not in each], [each for each in rest if "@" in each]


class AppendOnly(migrations.RunSQL):
    """Rows are written once: no update, no delete, whoever asks."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(
            sql=_trigger(
                table, APPEND_TRIGGER, "BEFORE UPDATE OR DELETE", "FOR EACH ROW EXECUTE FUNCTION audit_refuse()"
            ),
            reverse_sql=_drop(table, APPEND_TRIGGER),
        )

    def deconstruct(self) -> tuple[str, Sequence[object], dict[str, object]]:
        return (self.__class__.__name__, [self.table], {})


class SetOnce(migrations.RunSQL):
    """Rows stay as they were written, whoever asks, but for the columns named: each is set once."""

    def __init__(self, table: str, *columns: str) -> None:
        self.table, self.columns = table, columns
        super().__init__(
            sql=_trigger(
                table,
                ONCE_TRIGGER,
                "BEFORE UPDATE OR DELETE",
                f"FOR EACH ROW EXECUTE FUNCTION audit_set_once({_literals(columns)})",
            ),
            reverse_sql=_drop(table, ONCE_TRIGGER),
        )

    def deconstruct(self) -> tuple[str, Sequence[object], dict[str, object]]:
        return (self.__class__.__name__, [self.table, *self.columns], {})


class States(migrations.RunSQL):
    """A row's state passes only along the edges of the area's workflow."""

    def __init__(self, table: str, field: str, edges: Sequence[tuple[str, str]]) -> None:
        self.table, self.field, self.edges = table, field, edges
        arguments = _literals([field, *(f"{source}>{target}" for source, target in edges)])
        super().__init__(
            sql=_drop(table, STATE_TRIGGER)
            + _trigger(
                table,
                STATE_TRIGGER,
                f'BEFORE UPDATE OF "{field}"',
                f"FOR EACH ROW EXECUTE FUNCTION audit_states({arguments})",
            ),
            reverse_sql=_drop(table, STATE_TRIGGER),
        )

    def deconstruct(self) -> tuple[str, Sequence[object], dict[str, object]]:
        return (self.__class__.__name__, [self.table, self.field, self.edges], {})


class SignedFor(migrations.RunSQL):
    """A write that `when` describes passes only while an approved proposal of the kind is carried out on its row.

    `column` holds the key of the record that the proposal is about; the function stands in the migrations of sign-off.
    """

    def __init__(self, table: str, kind: str, column: str, on: str, when: str) -> None:
        self.table, self.kind, self.column, self.on, self.when = table, kind, column, on, when
        call = f"FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION signoff_must_be_signed({_literals([kind, column])})"
        name = f"signed_{kind}"
        super().__init__(sql=_trigger(table, name, f"BEFORE {on}", call), reverse_sql=_drop(table, name))

    def deconstruct(self) -> tuple[str, Sequence[object], dict[str, object]]:
        return (self.__class__.__name__, [self.table, self.kind, self.column, self.on, self.when], {})
