"""The routes of Google Fit REST v1 that a reader of fitness data uses."""

from typing import Any

import orjson
from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from sandbox import fit_errors
from sandbox.aggregate import aggregate, parse_request
from sandbox.current import here
from sandbox.datasets import data_source, get_dataset, list_sources
from sandbox.fields import (
    AGGREGATE,
    DATA_SOURCE,
    DATA_SOURCES,
    DATASET,
    Selection,
    Shape,
    parse,
    pick,
)
from sandbox.fit_errors import FitError
from sandbox.points import Reader
from sandbox.streams import SCOPE_PREFIX
from sandbox.world import World

PREFIX = "/fitness/v1/users"


blueprint = Blueprint("google_fit", __name__, url_prefix=PREFIX)


@blueprint.before_request
def admit() -> None:
    g.reader = _reader(here())


@blueprint.errorhandler(FitError)
def refused(error: FitError) -> ResponseReturnValue:
    return error.body, error.code


@blueprint.post("/me/dataset:aggregate")
def aggregate_data() -> Response:
    selection = _selection(AGGREGATE)
    return _answer(aggregate(g.reader, parse_request(_json())), selection)


@blueprint.get("/me/dataSources")
def sources() -> Response:
    selection = _selection(DATA_SOURCES)
    return _answer(list_sources(g.reader, request.args.getlist("dataTypeName")), selection)


@blueprint.get("/me/dataSources/<stream_id>")
def source(stream_id: str) -> Response:
    selection = _selection(DATA_SOURCE)
    return _answer(data_source(g.reader.stream(stream_id)), selection)


@blueprint.get("/me/dataSources/<stream_id>/datasets/<dataset_id>")
def dataset(stream_id: str, dataset_id: str) -> Response:
    selection, page_token = _selection(DATASET), request.args.get("pageToken")
    answer = get_dataset(g.reader, stream_id, dataset_id, _limit(), page_token)
    return _answer(answer, selection)


@blueprint.route("/<path:_rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def absent(_rest: str) -> ResponseReturnValue:
    raise fit_errors.not_found()


def _reader(world: World) -> Reader:
    """Whose data the token opens. FitError 401 or 403 if it opens none."""
    if g.access is None:
        raise fit_errors.invalid_credentials()
    person_id, scopes = g.access
    if not any(scope.startswith(SCOPE_PREFIX + "fitness.") for scope in scopes):
        raise fit_errors.insufficient_scope()
    person = world.people[person_id]
    return Reader(person, world.diary(person), scopes, world.clock.now_ms())


def _json() -> Any:
    try:
        return orjson.loads(request.get_data() or b"{}")
    except orjson.JSONDecodeError as error:
        raise fit_errors.parse_error() from error


def _limit() -> int | None:
    text = request.args.get("limit")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise fit_errors.invalid_argument(f"Invalid value for limit: {text}")
    return int(text)


def _selection(shape: Shape) -> Selection | None:
    fields = request.args.get("fields")
    return None if fields is None else parse(fields, shape)


def _answer(answer: dict[str, Any], selection: Selection | None) -> Response:
    chosen = answer if selection is None else pick(answer, selection)
    return Response(orjson.dumps(chosen), content_type="application/json; charset=UTF-8")
