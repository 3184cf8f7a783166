"""Google's partial responses: the `fields` parameter.

The grammar: names joined by commas; `a/b` goes inside; `a(b,c/d)` picks several inside; `*` stands
for every field of its level. See "Performance tips" of any Google API.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.fit_errors import invalid_fields

Selection = dict[str, "Selection | None"]
"""What to keep of an object. None keeps the whole field."""

_TOKEN = re.compile(r"\s*([A-Za-z_][\w.@-]*|[*/(),])\s*")


@dataclass(frozen=True)
class Shape:
    """The fields that an object of the answer may have; None for a plain value."""

    fields: dict[str, "Shape | None"] = field(default_factory=dict)


def _shape(*plain: str, **nested: Shape) -> Shape:
    return Shape(dict.fromkeys(plain) | nested)


_MAP = _shape("key", value=_shape("fpVal"))
_VALUE = _shape("fpVal", "intVal", "stringVal", mapVal=_MAP)
_POINT = _shape(
    "computationTimeMillis", "dataTypeName", "endTimeNanos", "modifiedTimeMillis",
    "originDataSourceId", "rawTimestampNanos", "startTimeNanos", value=_VALUE,
)  # fmt: skip
DATASET = _shape("dataSourceId", "maxEndTimeNs", "minStartTimeNs", "nextPageToken", point=_POINT)
_SESSION = _shape(
    "activeTimeMillis", "activityType", "description", "endTimeMillis", "id",
    "modifiedTimeMillis", "name", "startTimeMillis",
    application=_shape("detailsUrl", "name", "packageName", "version"),
)  # fmt: skip
_BUCKET = _shape(
    "activity", "endTimeMillis", "startTimeMillis", "type", dataset=DATASET, session=_SESSION
)
AGGREGATE = _shape(bucket=_BUCKET)
DATA_SOURCE = _shape(
    "dataQualityStandard", "dataStreamId", "dataStreamName", "name", "type",
    application=_shape("detailsUrl", "name", "packageName", "version"),
    dataType=_shape("name", field=_shape("format", "name", "optional")),
    device=_shape("manufacturer", "model", "type", "uid", "version"),
)  # fmt: skip
DATA_SOURCES = _shape(dataSource=DATA_SOURCE)


def parse(text: str, shape: Shape) -> Selection:
    """The selection that `text` names. FitError if it is malformed or names an unknown field."""
    parser = _Parser(text, _tokens(text))
    selection = parser.group(shape)
    if parser.tokens:
        raise invalid_fields(text)
    return selection


def pick(answer: Any, selection: Selection) -> Any:
    """`answer` with only the selected fields. Lists keep their length."""
    if isinstance(answer, list):
        return [pick(item, selection) for item in answer]
    if not isinstance(answer, dict):
        return answer
    if "*" in selection:
        selection = {name: selection.get(name, selection["*"]) for name in answer}
    picked = {}
    for name, inner in selection.items():
        if name in answer:
            value = answer[name]
            if inner is None:
                picked[name] = value
            elif isinstance(value, (dict, list)):
                picked[name] = pick(value, inner) if value else value
    return picked


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise invalid_fields(text)
        tokens.append(match[1])
        at = match.end()
    return tokens[::-1]


@dataclass
class _Parser:
    """Recursive descent; `tokens` is a stack, the next one on top."""

    text: str
    tokens: list[str]

    def group(self, shape: Shape) -> Selection:
        selection: Selection = {}
        while True:
            self._path(shape, selection)
            if not self._take(","):
                return selection

    def _path(self, shape: Shape, into: Selection) -> None:
        name = self.tokens.pop() if self.tokens else ""
        if name != "*" and name not in shape.fields:
            raise invalid_fields(self.text)
        inner = _any_of(shape) if name == "*" else shape.fields[name]
        below = self._below(inner)
        known = into.get(name, {})
        into[name] = None if below is None or known is None else _merged(known, below)

    def _below(self, shape: Shape | None) -> Selection | None:
        if self._take("/"):
            selection: Selection = {}
            self._path(self._object(shape), selection)
            return selection
        if self._take("("):
            selection = self.group(self._object(shape))
            if not self._take(")"):
                raise invalid_fields(self.text)
            return selection
        return None

    def _object(self, shape: Shape | None) -> Shape:
        if shape is None:
            raise invalid_fields(self.text)
        return shape

    def _take(self, token: str) -> bool:
        if self.tokens and self.tokens[-1] == token:
            self.tokens.pop()
            return True
        return False


def _any_of(shape: Shape) -> Shape | None:
    """What may stand below a `*`: a field that any of the objects of this level has."""
    inner = [each for each in shape.fields.values() if each is not None]
    return Shape({k: v for each in inner for k, v in each.fields.items()}) if inner else None


def _merged(one: Selection, other: Selection) -> Selection:
    both = dict(one)
    for name, inner in other.items():
        known = both.get(name, {})
        both[name] = None if inner is None or known is None else _merged(known, inner)
    return both
