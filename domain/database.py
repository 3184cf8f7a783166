"""Connections to PostgreSQL, and long lists on their way to it."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

DATABASE_AWAY = (InterfaceError, OperationalError, PoolTimeout)
"""How SQLAlchemy says that PostgreSQL does not answer, or has gone in the middle of it."""

OPTIONS = {
    "statement_timeout": "15s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
    # Sums over arrays look dear to the planner; compiling them takes longer than running them.
    "jit": "off",
}
"""Every session's own limits and settings; long work sets others inside its transaction."""


def make_engine(url: str, *, pool_size: int, max_overflow: int = 0) -> Engine:
    """Return an engine whose sessions give up rather than hang, and notice a dead server."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        # An error's text goes into the log; what people sent must not.
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            # Connections are kept and say the same again and again: parse it once.
            "prepare_threshold": 0,
            "keepalives_idle": 30,
            "tcp_user_timeout": 15000,
            "options": " ".join(f"-c {name}={value}" for name, value in OPTIONS.items()),
        },
    )


def reason(error: Exception) -> str:
    """Return why the database failed, without the statement."""
    return str(getattr(error, "orig", error))


def array(values: Iterable[object]) -> str:
    """Return ids, numbers, times, documents of JSON and words of ours as PostgreSQL's array text.

    The driver asks of each element what it is, which takes more than all else that is done to it
    here. JSON's list differs in its brackets, and in how it writes characters below U+0020, which
    none of these holds.
    """
    return "{" + msgspec.json.encode(list(values)).decode()[1:-1] + "}"
