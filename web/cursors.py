"""Cursors: the key of the last item seen, in a form that means nothing to callers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from web.errors import InvalidRequest
from web.schemas.problem import FieldError

Key = TypeVar("Key")
Item = TypeVar("Item")


def part_of(found: list[Item], limit: int) -> tuple[list[Item], Item | None]:
    """Cut `found`, which was read with one more than `limit`, to size.

    Also returns its last item if there are more behind it.
    """
    shown = found[:limit]
    return shown, shown[-1] if len(found) > limit else None


def write_cursor(adapter: TypeAdapter[Key], key: Key) -> str:
    """Return the cursor of `key`."""
    return urlsafe_b64encode(adapter.dump_json(key)).rstrip(b"=").decode()


def read_cursor(adapter: TypeAdapter[Key], cursor: str | None) -> Key | None:
    """Return the key in a cursor. Raises InvalidRequest for what was not given out here."""
    if cursor is None:
        return None
    try:
        return adapter.validate_json(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValidationError, ValueError) as error:
        raise InvalidRequest(
            [FieldError(loc=["query", "cursor"], msg="is not a cursor of this list")]
        ) from error
