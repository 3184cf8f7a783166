"""Reading a request into typed models."""

from typing import TypeVar

import gevent
from flask import request
from pydantic import BaseModel, ValidationError

from web.errors import InvalidRequest, Malformed, UnsupportedMediaType, field_errors
from web.replies import JSON

BODY_SECONDS = 60.0
"""How long the largest body may take on a bad network; gunicorn would wait for ever."""

Model = TypeVar("Model", bound=BaseModel)


def read_query(model: type[Model]) -> Model:
    """Read the query string; the first of repeated names counts. Raises InvalidRequest."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidRequest(field_errors(error, "query")) from error


def whole_body() -> bytes:
    """Return the body as it came. Raises Malformed for one that does not come in time."""
    try:
        with gevent.Timeout(BODY_SECONDS):
            return request.get_data(cache=True)
    except gevent.Timeout as error:
        raise Malformed("The body did not come in time.", code="body_too_slow") from error


def read_body(model: type[Model]) -> Model:
    """Read a JSON body; an absent one reads as `{}`.

    Raises Malformed for what is not JSON, UnsupportedMediaType and InvalidRequest.
    """
    raw = whole_body()
    if raw and request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        if any(one["type"] == "json_invalid" for one in errors):
            raise Malformed("The body is not JSON.") from error
        raise InvalidRequest(field_errors(error, "body")) from error
