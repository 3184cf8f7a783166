"""The OpenAPI 3.1 document, read off the routes and their pydantic models.

pydantic writes the schemas; what is left for us is the paths. Own code rather than flask-openapi3,
which also reads the request: it computes a model's JSON schema again at every call, takes a JSON
string for a second layer of JSON, and knows neither problem documents nor idempotency keys.
"""

import inspect
import re
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from web.api import Operation
from web.auth import KEY_HEADER
from web.doors import OF_COMPETITIONS, Door, Right
from web.errors import PROBLEM
from web.idempotency import HEADER
from web.limiter import LEFT, POLICY
from web.limits import WRONG_KEYS
from web.replies import JSON
from web.schemas.problem import Problem

REFERENCE = "#/components/schemas/{model}"
CONVERTER = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
Mode = Literal["validation", "serialization"]

EVERYWHERE = {HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong here."}
WITH_CALLER = {
    HTTPStatus.BAD_REQUEST: "Two credentials, or a header that cannot be read.",
    HTTPStatus.UNAUTHORIZED: "No credential, or one that is not valid here.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A needed part is down; try again after `Retry-After`.",
}
WITH_BODY = {
    HTTPStatus.BAD_REQUEST: "Two credentials, or a body or a header that cannot be read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Some fields are not valid.",
}
NOT_ORGANISER = "You are not its organiser."
SHUT = {
    Right.ADMINS: "You are no admin.",
    Right.CONCERNED: "Somebody else's data, and you are not the organiser.",
    Right.DIRECTORS: NOT_ORGANISER,
    Right.ORGANISER: NOT_ORGANISER,
}
"""Why people are refused who may know that there is something."""
UNSEEN = dict.fromkeys(
    OF_COMPETITIONS | {Right.INVITED}, "There is no such competition for you."
) | {
    Right.SPECTATORS: "There is no such public competition.",
    Right.OWNER: "It is somebody else's, and not yours to see.",
}
"""Why people are refused who may not even know that."""
LATER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
HEADERS = {
    name: {"description": text, "schema": {"type": kind}}
    for name, kind, text in (
        ("Retry-After", "integer", "Seconds after which it may go well."),
        (POLICY, "string", "What one person and one address may do: `q` calls in `w` seconds."),
        (LEFT, "string", "Of the first of these: `r` calls are left; in `t` seconds it is more."),
    )
}
KEPT = "The key was used for another request, or its first request still runs."


def document(operations: list[Operation], version: str) -> dict[str, Any]:
    """Compose the document."""
    schemas, components = _schemas(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        path = paths.setdefault(CONVERTER.sub(r"{\1}", operation.rule), {})
        path[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Podium",
            "version": version,
            "description": "Health competitions: fitness data in, live rankings out.",
        },
        "tags": [{"name": noun} for noun in dict.fromkeys(one.noun for one in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": HEADERS,
            "securitySchemes": {
                "person": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "service": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
                "ticket": {"type": "apiKey", "in": "query", "name": "ticket"},
            },
        },
    }


def _schemas(
    operations: list[Operation],
) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
    for operation in operations:
        if operation.answer is not None:
            wanted[operation.answer, "serialization"] = None
        if (body := operation.model("body")) is not None:
            wanted[body, "validation"] = None
    schemas, definitions = models_json_schema(list(wanted), ref_template=REFERENCE)
    return dict(schemas), definitions["$defs"]


def _operation(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    summary, _, description = (inspect.getdoc(operation.handler) or "").partition("\n\n")
    found: dict[str, Any] = {
        "operationId": f"{operation.noun}_{operation.handler.__name__.rstrip('_')}",
        "tags": [operation.noun],
        "summary": " ".join(summary.split()),
        "parameters": _parameters(operation),
        "responses": _responses(operation, schemas),
    }
    found["description"] = f"{description}\n\n{_open_to(operation.door)}".strip()
    if operation.door.needs_credential:
        found["security"] = _security(operation)
    if operation.door.right is Right.VENDOR:
        content = {JSON: {"schema": {"type": "object"}}}
        found["requestBody"] = {"required": True, "content": content}
    if (body := operation.model("body")) is not None:
        required = any(field.is_required() for field in body.model_fields.values())
        content = {JSON: {"schema": schemas[body, "validation"]}}
        found["requestBody"] = {"required": required, "content": content}
    return found


def _open_to(door: Door) -> str:
    """Say who may come through, in the words of the table."""
    services = f" Services with the scope `{door.scope}`." if door.scope else ""
    return f"Open to: {door.right.value}{services}"


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    people: list[dict[str, list[str]]] = [{"person": []}] if operation.door.takes_people else []
    tickets: list[dict[str, list[str]]] = [{"ticket": []}] if operation.door.ticket else []
    scope = operation.door.scope
    services = [{"service": [str(scope)]}] if scope else []
    return people + tickets + services


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TypeAdapter(operation.parameters[name].annotation).json_schema(),
        }
        for name in CONVERTER.findall(operation.rule)
    ]
    if (query := operation.model("query")) is not None:
        found += _query_parameters(query)
    if operation.is_kept:
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        text = "Repeating a request with its key answers the first result again."
        found.append({"name": HEADER, "in": "header", "description": text, "schema": schema})
    return found


def _query_parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    """Write a model's fields as parameters, with what they refer to in place."""
    schema = query.model_json_schema()
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "schema": _resolved(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _resolved(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolved(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if (reference := schema.get("$ref")) is not None:
        return definitions[reference.rpartition("/")[2]]
    return {name: _resolved(value, definitions) for name, value in schema.items()}


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    good: dict[str, Any] = {"description": operation.status.phrase}
    if operation.answer is not None:
        good["content"] = {JSON: {"schema": schemas[operation.answer, "serialization"]}}
    if operation.text is not None:
        good["content"] = {operation.text: {"schema": {"type": "string"}}}
    answers = {operation.status: good}
    answers |= {status: {"description": text} for status, text in operation.also.items()}
    for status, text in sorted(_refusals(operation).items()):
        schema = schemas[Problem, "serialization"]
        answers[status] = {"description": text, "content": {PROBLEM: {"schema": schema}}}
    for status, answer in answers.items():
        if headers := _headers(operation, status):
            answer["headers"] = headers
    return {str(int(status)): answer for status, answer in answers.items()}


def _headers(operation: Operation, status: HTTPStatus) -> dict[str, Any]:
    """Write what answers tell besides their bodies."""
    told = ["Retry-After"] if status in LATER else []
    if operation.limit is not None and status in {operation.status, HTTPStatus.TOO_MANY_REQUESTS}:
        told += [POLICY] if status is HTTPStatus.TOO_MANY_REQUESTS else [POLICY, LEFT]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in told}


def _refusals(operation: Operation) -> dict[HTTPStatus, str]:
    found = dict(EVERYWHERE)
    if operation.door.needs_credential:
        found |= WITH_CALLER
        found[HTTPStatus.FORBIDDEN] = _shut(operation.door)
    if (unseen := UNSEEN.get(operation.door.right)) is not None:
        found[HTTPStatus.NOT_FOUND] = unseen
    if operation.model("query") is not None:
        found[HTTPStatus.UNPROCESSABLE_ENTITY] = "Some parameters are not valid."
    if operation.model("body") is not None:
        found |= WITH_BODY
    if operation.limit is not None:
        found[HTTPStatus.TOO_MANY_REQUESTS] = f"More than {operation.limit.words}."
    elif operation.door.scope is not None:
        found[HTTPStatus.TOO_MANY_REQUESTS] = f"More wrong keys than {WRONG_KEYS.words}."
    for status, text in operation.refusals.items():
        found[status] = f"{found[status]} {text}" if status in found else text
    if operation.is_kept:
        before = found.get(HTTPStatus.CONFLICT)
        found[HTTPStatus.CONFLICT] = f"{before} {KEPT}" if before else KEPT
    return found


def _shut(door: Door) -> str:
    """Say to whom a door is shut, of those who have a valid credential."""
    if door.scope is None:
        services = "A service's key, where a person's token is asked for."
    else:
        services = f"A key without the scope `{door.scope}`."
    if not door.takes_people:
        return f"A person's token. {services}"
    return " ".join((services, *filter(None, [SHUT.get(door.right)])))
