"""HTTP and sockets: parse, authorise, call one thing, render."""

from web.app import create_app

__all__ = ["create_app"]
