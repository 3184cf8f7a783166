"""Units of work: one session, one commit at the edge, one list of what to send after it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from psycopg import Connection
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from worker.traces import traces


@dataclass
class Unit:
    """A transaction, and what may leave the process once it is committed."""

    session: Session
    sends: list[Callable[[], None]] = field(default_factory=list)

    def after_commit(self, send: Callable[[], None]) -> None:
        """Call `send` after the commit; on rollback it is dropped. It must not raise."""
        self.sends.append(send)


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Unit]:
    """Commit at the end of the block, then send. An exception rolls back and drops the sends."""
    with Session(engine, expire_on_commit=False) as session:
        unit = Unit(session)
        with session.begin():
            _bear(session, traces.here())
            yield unit
    for send in unit.sends:
        send()


def _bear(session: Session, trace: str | None) -> None:
    """Let rows of this transaction bear its trace: columns `trace` have the setting as default.

    It may not be a query, before which isolation levels are set, and it is never the same again, so
    it would only push others out of the prepared statements.
    """
    if trace is not None:
        driver = session.connection().connection.driver_connection
        cast("Connection[Any]", driver).execute(
            f"SET LOCAL podium.trace = '{trace}'", prepare=False
        )
