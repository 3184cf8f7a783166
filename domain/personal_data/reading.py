"""Reading a part page by page, so that a life of data takes no more memory than a week of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, RowMapping, Select, literal, select, tuple_
from sqlalchemy.orm import Session

from domain.competitions.frozen_board import place_in
from domain.personal_data.part import Part, Whose
from models import Participant, Person, Standing

ME, OTHER = "me", "other"
MACHINES = {"clock", "rail", "operator"}
"""Callers that are no people."""
THOUSAND = 1000

Key = tuple[Any, ...]


class Found(NamedTuple):
    """Rows of a part by the names of their columns, and where the next page begins."""

    lines: list[dict[str, Any]]
    last: Key | None
    """None at the end."""


def read(session: Session, part: Part, who: Whose, after: Key | None, limit: int) -> Found:
    """Return at most `limit` rows of a part that follow a key, in order of the table's key.

    Times are in UTC and values in the metric's unit. People are `me` or `other`, and a row is
    mine that names no person.
    """
    keys = list(part.table.primary_key.columns)
    rows = session.execute(_statement(part, who, keys, after).limit(limit)).mappings().all()
    last = tuple(rows[-1][column] for column in keys) if len(rows) == limit else None
    return Found([_line(part, who, row) for row in rows], last)


def places(session: Session, who: Whose, after: Key | None, limit: int) -> Found:
    """Return the person's places in at most `limit` frozen standings, in order of their making."""
    mine = select(Participant.competition_id).where(Participant.person_id == who.person_id)
    frozen = select(Standing).where(
        Standing.completed_at.is_not(None), Standing.competition_id.in_(mine)
    )
    if after is not None:
        frozen = frozen.where(Standing.id > after[0])
    found = session.scalars(frozen.order_by(Standing.id).limit(limit)).all()
    lines = [
        {
            "competition_id": one.competition_id,
            "version": one.version,
            "rank": line.rank,
            "score": line.score,
            "computed": line.computed,
            "posted": line.posted,
        }
        for one in found
        if (line := place_in(session, one, str(who.user_id))) is not None
    ]
    return Found(lines, (found[-1].id,) if len(found) == limit else None)


def _statement(
    part: Part, who: Whose, keys: Sequence[Column[Any]], after: Key | None
) -> Select[Any]:
    statement = select(part.table).where(part.concerns(who)).order_by(*keys)
    if after is None:
        return statement
    bounds = [literal(value, key.type) for value, key in zip(after, keys, strict=True)]
    return statement.where(tuple_(*keys) > tuple_(*bounds))


def _line(part: Part, who: Whose, row: RowMapping) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for column in part.table.columns:
        name, value = column.name, row[column]
        if name in part.hidden or (name == "person_id" and value == who.person_id):
            continue
        if names_a_person(column):
            line[name.removesuffix("_id")] = _whom(value, who.person_id)
        elif name in part.callers:
            line[name] = value if value in MACHINES else _whom(value, str(who.user_id))
        elif name in part.thousandths:
            line[name] = _in_units(value)
        else:
            line[name] = _plain(value)
    return line


def names_a_person(column: Column[Any]) -> bool:
    """Say whether a column holds somebody's surrogate key."""
    return column.name in {"person_id", "person_ids"} or any(
        key.column is Person.__table__.c.id for key in column.foreign_keys
    )


def _whom(someone: Any, myself: Any) -> str | None:
    if someone is None:
        return None
    return ME if someone == myself else OTHER


def _in_units(value: Any) -> Any:
    match value:
        case int():
            return value / THOUSAND
        case list():
            return [_in_units(one) for one in value]
        case dict():
            return {name: _in_units(one) for name, one in value.items()}
    return value


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC)
        case bytes():
            return value.decode()
    return value
