"""A site of flask-sock as it comes, whose only handler fails."""

from flask import Flask
from flask_sock import Sock


def app() -> Flask:
    """Return the site."""
    made = Flask("failing")
    Sock(made).route("/")(fail)
    return made


def fail(_socket: object) -> None:
    """Fail."""
    raise ValueError("something went wrong")
