"""A Google Fit that costs next to nothing: answers made once, served from a process of its own."""

import asyncio
import gzip
import json
import random
import sys
from functools import lru_cache

QUARTER_MS = 900_000
VARIANTS = 16
"""Different people get different answers; the same person always the same."""
SOURCES = json.dumps({"dataSource": []}).encode()


@lru_cache(maxsize=64)
def answer(start: int, end: int, variant: int) -> bytes:
    """Return a complete HTTP answer: quarter-hour buckets of five metrics, gzipped."""
    numbers = random.Random(f"{start} {variant}")
    buckets = []
    for moment in range(start, end, QUARTER_MS):
        steps = numbers.choice((0, 0, 0, numbers.randrange(2000)))
        values: list[dict[str, float]] = [
            {"intVal": steps},
            {"fpVal": round(steps * 0.762, 3)},
            {"fpVal": round(18 + steps * 0.04, 3)},
            {"intVal": steps // 100},
            {"fpVal": float(steps // 200)},
        ]
        buckets.append(
            {
                "startTimeMillis": str(moment),
                "dataset": [
                    {"point": [{"value": [value]}] if any(value.values()) else []}
                    for value in values
                ],
            }
        )
    return http(json.dumps({"bucket": buckets}, separators=(",", ":")).encode())


def http(content: bytes) -> bytes:
    """Frame an answer."""
    packed = gzip.compress(content, 6)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(packed)}\r\n\r\n"
    )
    return head.encode() + packed


class Vendor(asyncio.Protocol):
    """Reads just enough of a request to answer it."""

    def __init__(self) -> None:
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].decode("latin-1")
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
            length = int(fields.get("Content-Length", 0))
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            assert self._transport is not None
            self._transport.write(self._answer(fields["Authorization"], body))

    def _answer(self, token: str, body: bytes) -> bytes:
        if not body:
            return http(SOURCES)
        asked = json.loads(body)
        variant = sum(token.encode()) % VARIANTS
        return answer(asked["startTimeMillis"], asked["endTimeMillis"], variant)


async def serve() -> None:
    """Serve until the parent goes; print the port."""
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
