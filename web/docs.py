"""`/openapi.json`, `/asyncapi.json`, and `/docs`, where Swagger UI shows the first of them.

It comes from its Python package, without any foreign host.
"""

from functools import lru_cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import orjson
from flask import Blueprint, Flask, Response, current_app, send_from_directory

from web import asyncapi
from web.access import page_policy
from web.api import OPERATIONS, Operation
from web.openapi import document
from web.replies import JSON

ASSETS = Path(str(resources.files("flask_swagger_ui") / "dist"))
DAY_SECONDS = 86_400

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Podium API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
});
"""
POLICY = page_policy("img-src 'self' data:")

blueprint = Blueprint("docs", __name__)


def install(app: Flask) -> None:
    """Compose the documents of `app`'s routes, once all are registered."""
    requests, messages = _documents(tuple(app.extensions[OPERATIONS]))
    app.extensions["podium.openapi"] = requests
    app.extensions["podium.asyncapi"] = messages
    app.register_blueprint(blueprint)


@lru_cache(maxsize=1)
def _documents(operations: tuple[Operation, ...]) -> tuple[bytes, bytes]:
    """Compose both, which takes two thirds of a start; applications of a process share them."""
    requests = document(list(operations), _version())
    return orjson.dumps(requests), orjson.dumps(asyncapi.document(_version()))


def _version() -> str:
    try:
        return version("podium")
    except PackageNotFoundError:
        return "0.1.0"


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The document of the requests."""
    return Response(current_app.extensions["podium.openapi"], content_type=JSON)


@blueprint.get("/asyncapi.json")
def live() -> Response:
    """The document of the live messages."""
    return Response(current_app.extensions["podium.asyncapi"], content_type=JSON)


@blueprint.get("/docs")
@blueprint.get("/docs/")
def page() -> Response:
    """The page."""
    answer = Response(PAGE, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


@blueprint.get("/docs/start.js")
def start() -> Response:
    """What starts the page; a file of its own, so that no inline script is allowed."""
    return Response(START, content_type="text/javascript; charset=utf-8")


@blueprint.get("/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'):name>")
def asset(name: str) -> Response:
    """A file of Swagger UI."""
    return send_from_directory(ASSETS, name, max_age=DAY_SECONDS)
