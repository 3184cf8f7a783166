"""What Stripe remembers over a restart: one line for each object that changed, the last holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

FILE_NAME = "stripe.jsonl"


class Journal:
    """`directory` None keeps nothing, for tests in one process."""

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / FILE_NAME if directory else None

    def read(self) -> Iterator[tuple[str, str, Any]]:
        """Room, key and value of all lines; a last one that was cut off by a crash is left out."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                room, key, value = orjson.loads(line)
                yield room, key, value

    def write(self, room: str, key: str, value: Any) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(orjson.dumps([room, key, value]) + b"\n")
