"""The transaction of an audited action that stands alone: Django's own, but for who sends BEGIN and COMMIT.

`transaction.atomic()` turns the driver's autocommit off and on again around every transaction, which costs as much as
the statements do. An action sends BEGIN with its first statement and COMMIT with its last, so the driver need not
know. Everything else stays as Django has it: the block is written to Django's books as one within a transaction that
is managed by hand, so savepoints, `on_commit`, rollback after a failure that was passed over, and a connection that
was lost go the same ways.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import ClientCursor
from psycopg.pq import TransactionStatus


class OwnTransaction:
    """Commits at the end of the block unless it failed; the block's first statement brings BEGIN and the setting itself."""

    __slots__ = ("block", "database", "opening", "value")

    def __init__(self, database: BaseDatabaseWrapper, setting: str, value: str) -> None:
        self.database, self.block = database, transaction.atomic(savepoint=False)
        # the value is a parameter, so that the driver takes a statement apart once and not for every action
        self.opening, self.value = f"BEGIN;SET LOCAL {setting} = %s;", value

    def __enter__(self) -> None:
        self.database.close_if_health_check_failed()
        self.database.ensure_connection()
        self.database.autocommit = False
        self.database.execute_wrappers.append(self._open)
        self.block.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        database = self.database
        try:
            self._opened()
            self.block.__exit__(kind, error, trace)
            if database.connection is None:  # it was closed within the block, and the server rolled back
                database.in_atomic_block = False
                return
            if error is not None or database.needs_rollback:
                self._roll_back()
                return
            self._commit()
        finally:
            database.autocommit = True
        database.run_and_clear_commit_hooks()

    def open(self) -> None:
        """Open the transaction for what goes to the driver by other ways than a cursor's `execute`."""
        if self.opening:
            with self.database.wrap_database_errors:
                self.database.connection.execute(self.take_opening())

    def take_opening(self) -> bytes:
        """What the first message begins with, for who sends it himself; empty once it was sent."""
        opening = self._spelt()
        self._opened()
        return opening.encode()

    def _open(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Mapping[str, Any]) -> Any:
        """Django's wrapper around the first statement; one that has several turns is opened by a message of its own."""
        cursor = context["cursor"].cursor
        if many or not isinstance(sql, str) or not isinstance(cursor, ClientCursor):
            self.open()
            return execute(sql, params, many, context)
        try:
            if isinstance(params, list | tuple):
                found = execute(self.opening + sql, (self.value, *params), many, context)
            else:
                found = execute(self._spelt() + sql, params, many, context)
            for _ in range(self.opening.count(";")):
                cursor.nextset()
            return found
        finally:
            # what was refused before it was sent has opened nothing
            if self._status() != TransactionStatus.IDLE:
                self._opened()

    def _spelt(self) -> str:
        return self.opening % f"'{self.value}'" if self.opening else ""

    def _opened(self) -> None:
        if self.opening:
            self.opening = ""
            self.database.execute_wrappers.remove(self._open)

    def _status(self) -> TransactionStatus | None:
        connection = self.database.connection
        return connection.pgconn.transaction_status if connection else None

    def _commit(self) -> None:
        """What is left to do of it; after a COMMIT that went before, nothing."""
        database = self.database
        if self._status() == TransactionStatus.IDLE:
            database.errors_occurred = False
            return
        try:
            database.commit()
            database.run_commit_hooks_on_set_autocommit_on = False
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self.database.rollback()
        except Error:
            self.database.close()
