"""A client of an event stream, which keeps ids and messages apart as browsers do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.integration.live import spoken
from tests.integration.live.conftest import PATIENCE_S, Message, Site


class Events:
    """What comes on one stream."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self._path = urlsplit(answer.url).path
        self.last_id = ""
        self._lines = answer.iter_lines(chunk_size=1, decode_unicode=True)

    def hear(self, *types: str) -> Message:
        """Return the next message; skip those that are not of the given types."""
        for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "data":
                message: Message = json.loads(value)
                spoken.check(self._path, message)
                if not types or message["type"] in types:
                    return message
        raise EOFError

    def rest(self) -> list[str]:
        """Read to the end."""
        return list(self._lines)


@contextmanager
def stream(site: Site, path: str, **headers: str) -> Iterator[Events]:
    """Open a stream, and expect that it is one."""
    with get(site, path, **headers) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield Events(answer)


def get(site: Site, path: str, **headers: str) -> requests.Response:
    """Ask for a stream; a refusal comes with its body."""
    url = f"http://127.0.0.1:{site.port}/api/v1{path}"
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(url, headers=named, stream=True, timeout=PATIENCE_S)
