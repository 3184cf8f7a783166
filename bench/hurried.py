"""The web application without a pause between a board's frames, to see what the hub can do."""

from flask import Flask

from web import create_app
from web.live import channel


def app() -> Flask:
    """Return the application."""
    channel.FRAME_S = 0.0
    return create_app()
