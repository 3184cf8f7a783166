"""The static page, which is the same under `/` and `/live/<id>`."""

import uuid
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

from clients import js
from web.access import page_policy
from web.db import front

STATIC = Path(__file__).parent / "static"

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@blueprint.get("/live/<uuid:competition_id>")
def index(competition_id: uuid.UUID | None = None) -> Response:  # noqa: ARG001  the page reads it
    """The page; asked for anew each time, so that a release is seen at once."""
    answer = _checked(STATIC, "index.html")
    # Besides us the page talks to the place where people sign in.
    sources = f"connect-src 'self' {front().settings.supabase_url}"
    answer.headers["Content-Security-Policy"] = page_policy(sources)
    return answer


@blueprint.get("/static/<path:name>")
def asset(name: str) -> Response:
    """A file of the page."""
    return _checked(STATIC, name)


@blueprint.get("/clients/js/<name>")
def client(name: str) -> Response:
    """A module of the JavaScript client, on which the page runs.

    Its address is its place beside `web/`, so the page's imports hold under Node too.
    """
    return _checked(js.FOLDER, name) if name.endswith(".js") else abort(HTTPStatus.NOT_FOUND)


def _checked(folder: Path, name: str) -> Response:
    """Send a file that browsers keep but ask about, lest old and new modules come together."""
    answer = send_from_directory(folder, name, max_age=0)
    answer.headers["Cache-Control"] = "no-cache"
    return answer
