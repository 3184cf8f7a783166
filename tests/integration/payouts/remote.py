"""The hostile rail behind HTTP, where it outlives whoever calls it and can cut connections."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from domain.errors import Duplicate, PodiumError, Refused, Throttled
from domain.payouts.rails.base import (
    AccountNotReady,
    Listed,
    NotExecuted,
    NotThere,
    Order,
    OutcomeUnknown,
    Sent,
)
from models.rail import RailName
from tests.integration.payouts.hostile import HostileRail

KINDS: dict[str, type[PodiumError]] = {
    kind.__name__: kind
    for kind in (AccountNotReady, Duplicate, NotExecuted, Refused, Throttled, OutcomeUnknown)
}
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class RemoteRail:
    """A client of the hostile rail. `before` and `after` are called around each call."""

    url: str
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    name: RailName = RailName.STRIPE
    window: timedelta | None = timedelta(days=1)

    def send(self, order: Order) -> Sent:
        """Let the money move."""
        said = self._call("send", order)
        return Sent(**said)

    def look_up(self, order: Order) -> Sent | NotThere:
        """Ask for an order."""
        said = self._call("look_up", order)
        return Sent(**said) if said else NotThere()

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        """Tests read the list where it is."""
        raise NotImplementedError

    def _call(self, what: str, order: Order) -> Any:
        self.before()
        try:
            answer = requests.post(
                f"{self.url}/{what}", json=_plain(order), timeout=TIMEOUT_SECONDS
            )
        except requests.ConnectionError as error:
            raise OutcomeUnknown("The connection was cut.") from error
        self.after()
        said = answer.json()
        if (kind := said and said.get("error")) is not None:
            raise KINDS[kind]("It said so.")
        return said


@contextmanager
def serving(rail: HostileRail) -> Iterator[str]:
    """Serve a rail in this process; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body |= {"payout": uuid.UUID(body["payout"]), "group": uuid.UUID(body["group"])}
            try:
                found = getattr(rail, self.path[1:])(Order(**body))
                said = asdict(found) if isinstance(found, Sent) else None
            except OutcomeUnknown:
                self.close_connection = True
                return
            except PodiumError as error:
                said = {"error": type(error).__name__}
            text = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _plain(order: Order) -> dict[str, Any]:
    return {**asdict(order), "payout": str(order.payout), "group": str(order.group)}
