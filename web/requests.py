"""Reading a request into typed models."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from web.errors import InvalidRequest, Malformed, UnsupportedMediaType, field_errors
from web.replies import JSON

Model = TypeVar("Model", bound=BaseModel)


def read_query(model: type[Model]) -> Model:
    """Read the query string; the first of repeated names counts. Raises InvalidRequest."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidRequest(field_errors(error, "query")) from error


def read_body(model: type[Model]) -> Model:
    """Read a JSON body; an absent one reads as `{}`.

    Raises Malformed for what is not JSON, UnsupportedMediaType and InvalidRequest.
    """
    raw = request.get_data(cache=True)
    if raw and request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        if any(one["type"] == "json_invalid" for one in errors):
            raise Malformed("The body is not JSON.") from error
        raise InvalidRequest(field_errors(error, "body")) from error
