"""Objects of one kind by id, in the order in which they were made, kept in the journal."""

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.stripe import errors
from sandbox.stripe.forms import Form
from sandbox.stripe.journal import Journal

PAGING = frozenset({"limit", "starting_after", "ending_before"})
USUAL_LIMIT, LARGEST_LIMIT = 10, 100


class Shelf:
    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self._journal = journal
        self._objects: dict[str, dict[str, Any]] = {}

    def restore(self, id_: str, value: dict[str, Any] | None) -> None:
        if value is None:
            self._objects.pop(id_, None)
        else:
            self._objects[id_] = value

    def put(self, value: dict[str, Any]) -> None:
        """Add it, or keep how it is now."""
        self._objects[value["id"]] = value
        self._journal.write(self.name, value["id"], value)

    def drop(self, id_: str) -> None:
        del self._objects[id_]
        self._journal.write(self.name, id_, None)

    def get(self, id_: str) -> dict[str, Any] | None:
        return self._objects.get(id_)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._objects.values())

    def page(
        self, form: Form, url: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """A page of what is wanted, newest first."""
        limit = form.number("limit") or USUAL_LIMIT
        if not 1 <= limit <= LARGEST_LIMIT:
            raise errors.invalid("limit", f"Invalid limit: must be 1 to {LARGEST_LIMIT}.")
        found = [one for one in reversed(self._objects.values()) if wanted(one)]
        if after := form.text("starting_after"):
            rest = found[self._index(found, after, "starting_after") + 1 :]
            data, more = rest[:limit], len(rest) > limit
        elif before := form.text("ending_before"):
            rest = found[: self._index(found, before, "ending_before")]
            data, more = rest[-limit:], len(rest) > limit
        else:
            data, more = found[:limit], len(found) > limit
        return {"object": "list", "url": url, "has_more": more, "data": data}

    def _index(self, found: list[dict[str, Any]], id_: str, param: str) -> int:
        for index, one in enumerate(found):
            if one["id"] == id_:
                return index
        raise errors.no_such(self.name, id_, param=param, status=400)
