"""What a request says: form-encoded, with brackets for what is nested."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.stripe import errors

_PART = re.compile(r"\[([^\]]*)\]")
_CURRENCY = re.compile(r"[a-z]{3}")


class Form:
    """The parameters of one request. Raises `StripeError` for what Stripe would refuse."""

    def __init__(self, given: Mapping[str, str], known: frozenset[str]) -> None:
        self.values = nested(given)
        for name in self.values:
            if name not in known:
                raise errors.unknown(name)

    def text(self, name: str) -> str | None:
        """A text, or None if it was left out or emptied."""
        value = self.values.get(name)
        if isinstance(value, dict):
            raise errors.invalid(name, f"Invalid string: {value}")
        return value or None

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise errors.missing(name)
        return value

    def number(self, name: str) -> int | None:
        value = self.text(name)
        return None if value is None else _integer(name, value)

    def group(self, name: str) -> dict[str, Any]:
        """What stands in brackets behind `name`."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise errors.invalid(name, f"Invalid object: {value}")
        return value

    def currency(self) -> str:
        value = self.needed("currency").lower()
        if not _CURRENCY.fullmatch(value):
            raise errors.invalid("currency", f"Invalid currency: {value}.")
        return value

    def bounds(self, name: str) -> tuple[int, int]:
        """The first second inside and the first behind, of `name[gte]` and its like."""
        low, high = 0, 1 << 62
        for relation, text in self.group(name).items():
            moment = _integer(f"{name}[{relation}]", text)
            match relation:
                case "gte":
                    low = max(low, moment)
                case "gt":
                    low = max(low, moment + 1)
                case "lt":
                    high = min(high, moment)
                case "lte":
                    high = min(high, moment + 1)
                case _:
                    raise errors.unknown(f"{name}[{relation}]")
        return low, high


def nested(given: Mapping[str, str]) -> dict[str, Any]:
    """`{"a[b]": "c"}` as `{"a": {"b": "c"}}`."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        first, _, rest = name.partition("[")
        path = [first, *_PART.findall(f"[{rest}")] if rest else [first]
        place = found
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise errors.invalid(name, f"Invalid object: {place}")
        place[path[-1]] = value
    return found


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise errors.not_an_integer(name, text) from error
