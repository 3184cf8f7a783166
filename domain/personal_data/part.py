"""A part of what is kept about a person: rows of one table, and what of them the person gets."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Table

from models import Base


class Whose(NamedTuple):
    """By what a person is known in the tables."""

    person_id: int
    user_id: uuid.UUID


Condition = Callable[[Whose], ColumnElement[bool]]


@dataclass(frozen=True)
class Part:
    """Rows of one table that concern a person."""

    name: str
    model: type[Base]
    concerns: Condition
    hidden: frozenset[str] = frozenset()
    """Columns that tell nothing of the person: how a row is worked off, or what others did."""
    thousandths: frozenset[str] = frozenset()
    """Columns in 1/1000 of the metric's unit."""
    callers: frozenset[str] = frozenset()
    """Columns that name who acted, as callers are counted."""

    @property
    def table(self) -> Table:
        """Where the rows are."""
        return cast("Table", self.model.__table__)
