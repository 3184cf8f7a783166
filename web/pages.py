"""The static page, which is the same under `/` and `/live/<id>`."""

import uuid
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from web.db import front

STATIC = Path(__file__).parent / "static"
HOUR_SECONDS = 3600

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
@blueprint.get("/live/<uuid:competition_id>")
def index(competition_id: uuid.UUID | None = None) -> Response:  # noqa: ARG001  the page reads it
    """The page; asked for anew each time, so that a release is seen at once."""
    answer = send_from_directory(STATIC, "index.html", max_age=0)
    answer.headers["Cache-Control"] = "no-cache"
    # Besides us the page talks to the place where people sign in.
    sources = f"connect-src 'self' {front().settings.supabase_url}"
    answer.headers["Content-Security-Policy"] = f"default-src 'self'; {sources}"
    return answer


@blueprint.get("/static/<path:name>")
def asset(name: str) -> Response:
    """A file of the page."""
    return send_from_directory(STATIC, name, max_age=HOUR_SECONDS)
