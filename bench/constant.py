"""The web application with one view more: it answers a constant to whoever has signed in."""

from functools import cache
from http import HTTPStatus

from flask import Flask, Response

from web import create_app, doors
from web.api import PREFIX, Routes
from web.people import Caller

RULE = "/bench/constant/<int:size>"
doors.DOORS = {**doors.DOORS, f"GET {PREFIX}{RULE}": doors.Door(doors.Right.PEOPLE)}
routes = Routes("bench")


@cache
def _body(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


@routes.route("GET", RULE, None)
def constant(caller: Caller, size: int) -> Response:  # noqa: ARG001  asks for a token
    """Answer `size` bytes, with as many headers as a board has."""
    return Response(
        _body(size),
        HTTPStatus.OK,
        headers={
            "Content-Type": "application/json",
            "Cache-Control": "private, no-cache",
            "Vary": "Authorization",
            "ETag": 'W/"constant"',
        },
    )


def app() -> Flask:
    """Return the application."""
    made = create_app()
    routes.register(made)
    return made
