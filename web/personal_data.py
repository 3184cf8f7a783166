"""`/api/v1/me/export`: everything that is kept about the caller."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from flask import Response
from pydantic_core import to_json
from sqlalchemy.orm import Session

from domain.people import person_with
from domain.personal_data.part import Part, Whose
from domain.personal_data.parts import PARTS
from domain.personal_data.reading import Found, Key, places, read
from web.api import Routes
from web.db import Front, front
from web.limits import MY_DATA
from web.people import Caller

routes = Routes("me")

NDJSON = "application/x-ndjson"
PAGE = 200

Read = Callable[[Session, Whose, Key | None, int], Found]


@routes.route(
    "GET",
    "/me/export",
    None,
    text=NDJSON,
    limit=MY_DATA,
    refusals={HTTPStatus.NOT_FOUND: "My own account was erased."},
)
def export(caller: Caller) -> Response:
    """Give me everything that is kept about me, one JSON object a line.

    `part` says what a line is about. Without the last line, whose part is `end`, it was cut off.
    """
    whose = Whose(caller.person.id, caller.user_id)
    with front().unit() as unit:
        person_with(unit.session, whose.person_id)
    headers = {"Content-Disposition": 'attachment; filename="podium.ndjson"'}
    return Response(_lines(front(), whose), mimetype=NDJSON, headers=headers)


def _lines(here: Front, whose: Whose) -> Iterator[bytes]:
    """Yield the parts page by page, each as it stands when its page is read.

    Raises NotFound when the person is erased meanwhile, which cuts the answer off.
    """
    count = 0
    parts = [(one.name, _reading(one)) for one in PARTS]
    for name, read_page in (*parts, ("place", places)):
        for lines in _pages(here, whose, read_page):
            count += len(lines)
            yield b"".join(_line(name, one) for one in lines)
    yield _line("end", {"lines": count})


def _reading(part: Part) -> Read:
    return lambda session, whose, after, limit: read(session, part, whose, after, limit)


def _pages(here: Front, whose: Whose, read_page: Read) -> Iterator[list[dict[str, Any]]]:
    after: Key | None = None
    while True:
        with here.unit() as unit:
            person_with(unit.session, whose.person_id)
            found = read_page(unit.session, whose, after, PAGE)
        if found.lines:
            yield found.lines
        if (after := found.last) is None:
            return


def _line(part: str, columns: dict[str, Any]) -> bytes:
    return to_json({"part": part, **columns}) + b"\n"
