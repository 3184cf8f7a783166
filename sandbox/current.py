"""The world that the running application plays."""

from typing import cast

from flask import Flask, current_app

from sandbox.world import World

_KEY = "sandbox_world"


def settle(app: Flask, world: World) -> None:
    app.extensions[_KEY] = world


def here() -> World:
    return cast("World", current_app.extensions[_KEY])
