"""Checks that an answer is one that the OpenAPI document promises."""

import re
from typing import Any

from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

PARAMETER = re.compile(r"\{[^}]+\}")


class Documented:
    """One OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document["components"]
        # A path without parameters is matched before one with them.
        self._paths = [
            (re.compile(PARAMETER.sub("[^/]+", path)), operations)
            for path, operations in sorted(document["paths"].items(), key=lambda one: "{" in one[0])
        ]

    def check(self, answer: TestResponse) -> None:
        """Fail unless method, path, status, content type and body are in the document."""
        method, path = answer.request.method.lower(), answer.request.path
        operations = next(found for shape, found in self._paths if shape.fullmatch(path))
        promised = operations[method]["responses"]
        assert str(answer.status_code) in promised, (method, path, answer.status, answer.text)
        content = promised[str(answer.status_code)].get("content", {})
        if not content:
            assert answer.data == b""
            return
        assert answer.mimetype in content
        schema = {**content[answer.mimetype]["schema"], "components": self._components}
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(
            answer.json if answer.is_json else answer.text
        )
