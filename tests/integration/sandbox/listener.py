"""Somebody to whom webhooks are sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DEADLINE_S = 60


class Listener:
    """What came, in order, with the signatures."""

    def __init__(self) -> None:
        self.url = ""
        self._heard: list[tuple[bytes, str]] = []
        self._refusing = 0
        self._more = threading.Condition()

    def refuse(self, count: int) -> None:
        """Answer the next ones with an error."""
        self._refusing = count

    def hear(self, body: bytes, signature: str) -> int:
        with self._more:
            self._heard.append((body, signature))
            self._refusing, refused = max(self._refusing - 1, 0), self._refusing > 0
            self._more.notify_all()
        return 500 if refused else 200

    def wait_for(self, count: int) -> list[tuple[bytes, str]]:
        """Everything that came, once it is so many."""
        with self._more:
            assert self._more.wait_for(lambda: len(self._heard) >= count, DEADLINE_S)
            return list(self._heard)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(listener.hear(body, self.headers["Stripe-Signature"]))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        listener.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield listener
        server.shutdown()
        thread.join()
