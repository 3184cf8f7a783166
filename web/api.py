"""Routes of the API: typed in, typed out, and written down for the OpenAPI document.

A route is a function with keyword parameters. `caller` is whom its door of `web/doors.py` lets in:
a Caller, a Service or either. `body` and `query` are pydantic models, every other parameter comes
from the path. It returns a Reply, or a Flask response where the bytes are already made.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, g, request
from pydantic import BaseModel

from web.admission import check_admitted, enter
from web.db import front
from web.doors import Door, door_of
from web.idempotency import once
from web.limiter import guard
from web.limits import Limit
from web.replies import Reply
from web.requests import read_body, read_query

PREFIX = "/api/v1"
OPERATIONS = "podium.operations"

Handler = Callable[..., Reply | Response]


@dataclass(frozen=True, eq=False)
class Operation:
    """One method of one path. Each is made once, and equal to itself alone."""

    method: str
    rule: str
    noun: str
    door: Door
    handler: Handler
    answer: type[BaseModel] | None
    status: HTTPStatus
    refusals: dict[HTTPStatus, str]
    """What this route refuses beyond what all routes do, and when."""
    limit: Limit | None
    largest: int | None
    """Bytes of the largest body, where it is not the usual."""
    also: dict[HTTPStatus, str]
    """Other answers that are not errors."""
    text: str | None
    """The media type, where the answer is a text and no model."""
    keeps: bool
    """Whether a POST heeds an idempotency key."""

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The handler's parameters."""
        return dict(inspect.signature(self.handler).parameters)

    @property
    def is_kept(self) -> bool:
        """Whether an idempotency key is heeded."""
        return self.keeps and self.method == "POST" and self.door.needs_credential

    @property
    def is_weighed(self) -> bool:
        """Whether the body says how much of the limit the request takes."""
        return hasattr(self.model("body"), "weight")

    def model(self, part: str) -> type[BaseModel] | None:
        """The model of `body` or `query`, if the handler takes one."""
        parameter = self.parameters.get(part)
        return None if parameter is None else cast("type[BaseModel]", parameter.annotation)


class Routes:
    """The routes of one noun."""

    def __init__(self, noun: str, prefix: str = PREFIX) -> None:
        self.noun = noun
        self._prefix = prefix
        self._operations: list[Operation] = []

    def route(
        self,
        method: str,
        rule: str,
        answer: type[BaseModel] | None,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        refusals: dict[HTTPStatus, str] | None = None,
        limit: Limit | None = None,
        largest: int | None = None,
        also: dict[HTTPStatus, str] | None = None,
        text: str | None = None,
        keeps: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Note a route. The first line of the handler's docstring becomes its summary.

        Raises LookupError for one that `web/doors.py` does not know.
        """
        door = door_of(method, self._prefix + rule)

        def note(handler: Handler) -> Handler:
            self._operations.append(
                Operation(
                    method,
                    self._prefix + rule,
                    self.noun,
                    door,
                    handler,
                    answer,
                    status,
                    refusals or {},
                    limit,
                    largest,
                    also or {},
                    text,
                    keeps,
                )
            )
            return handler

        return note

    def register(self, app: Flask) -> None:
        """Put the routes into `app`."""
        app.extensions.setdefault(OPERATIONS, []).extend(self._operations)
        for operation in self._operations:
            app.add_url_rule(
                operation.rule,
                f"{self.noun}.{operation.handler.__name__}",
                _view(operation),
                methods=[operation.method],
            )


def _view(operation: Operation) -> Callable[..., Response]:
    """Wrap a handler: who, what, once, and how often."""
    query, body = operation.model("query"), operation.model("body")
    door, is_kept, handler = operation.door, operation.is_kept, operation.handler
    is_weighed, name = operation.is_weighed, f"{operation.noun}.{handler.__name__}"
    within = guard(lambda: front().limiter, operation.limit, name) if operation.limit else None

    @wraps(handler)
    def view(**arguments: Any) -> Response:
        g.door = door
        if door.needs_credential:
            arguments["caller"] = g.caller = enter(door, arguments)
        if operation.largest is not None:
            request.max_content_length = operation.largest
        if query is not None:
            arguments["query"] = read_query(query)
        if body is not None:
            arguments["body"] = read_body(body)

        def act() -> Reply | Response:
            """Count and do it. A repeated request gets its first answer without coming here."""
            if within is not None:
                g.weight = arguments["body"].weight if is_weighed else 1
                within()
            answer = handler(**arguments)
            check_admitted()
            return answer

        if is_kept:
            return once(g.caller.name, lambda: cast("Reply", act())).response()
        answer = act()
        return answer.response() if isinstance(answer, Reply) else answer

    return view
