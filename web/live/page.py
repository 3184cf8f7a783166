"""What the static page must know of where it runs."""

from urllib.parse import urlsplit

import orjson
from flask import Response

from domain.settings import Settings
from web.db import front
from web.replies import JSON

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def page_config() -> Response:
    """Say where people sign in, and whether that is the sandbox with its invented people."""
    settings = front().settings
    config = {"supabase_url": settings.supabase_url, "sandbox": _is_sandbox(settings)}
    headers = {"Content-Type": JSON, "Cache-Control": "no-cache"}
    return Response(orjson.dumps(config), headers=headers)


def _is_sandbox(settings: Settings) -> bool:
    address = urlsplit(settings.supabase_url)
    return address.hostname in LOOPBACK and address.port == settings.sandbox_port
