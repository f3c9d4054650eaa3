"""The transaction of an audited action that stands alone: Django's own, but for who sends BEGIN and COMMIT.

`transaction.atomic()` turns the driver's autocommit off and on again around every transaction, which costs as much as
the statements do. An action sends BEGIN with its first statement and COMMIT with its last, so the driver need not
know. Everything else stays as Django has it: the block is written to Django's books as one within a transaction that
is managed by hand, so savepoints, `on_commit`, rollback after a failure that was passed over, and a connection that
was lost go the same ways.
"""

from typing import Any

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus


class OwnTransaction:
    """Commits at the end of the block unless it failed; the block's first statement brings BEGIN itself."""

    __slots__ = ("block", "database")

    def __init__(self, database: BaseDatabaseWrapper) -> None:
        self.database, self.block = database, transaction.atomic(savepoint=False)

    def __enter__(self) -> None:
        self.database.close_if_health_check_failed()
        self.database.ensure_connection()
        self.database.autocommit = False
        self.block.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        database = self.database
        try:
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

    def _commit(self) -> None:
        """What is left to do of it; after a COMMIT that went before, nothing."""
        database = self.database
        if database.connection.pgconn.transaction_status == TransactionStatus.IDLE:
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
