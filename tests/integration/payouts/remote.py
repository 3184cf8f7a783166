"""The hostile rail behind HTTP, where it outlives whoever calls it and can cut connections."""

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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
    """A client of the hostile rail. `step` is called before each call, amid it and after it."""

    address: str
    step: Callable[[], None] = lambda: None
    name: RailName = RailName.STRIPE
    window: timedelta | None = timedelta(days=1)

    def send(self, order: Order) -> Sent:
        """Let the money move."""
        said = self._call("send", _plain(order))
        return Sent(**said)

    def look_up(self, order: Order) -> Sent | NotThere:
        """Ask for an order."""
        said = self._call("look_up", _plain(order))
        return Sent(**said) if said else NotThere()

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        """Yield what it has carried."""
        said = self._call("transfers", {"since": str(since), "until": str(until)})
        for line in said["items"]:
            made_at = datetime.fromisoformat(line["made_at"])
            yield Listed(**{**line, "payout": uuid.UUID(line["payout"]), "made_at": made_at})

    def _call(self, what: str, told: dict[str, Any]) -> Any:
        self.step()
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", f"/{what}", json.dumps(told))
            self.step()
            answer = connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise OutcomeUnknown("The connection was cut.") from error
        finally:
            connection.close()
        self.step()
        said = json.loads(answer)
        if (kind := said and said.get("error")) is not None:
            raise KINDS[kind]("It said so.")
        return said


@contextmanager
def serving(rail: HostileRail) -> Iterator[str]:
    """Serve a rail in this process; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(size := int(self.headers["Content-Length"]))
            if len(text) < size:  # whoever asks has died
                return
            try:
                said = _answer(rail, self.path[1:], json.loads(text))
            except OutcomeUnknown:
                self.close_connection = True
                return
            except PodiumError as error:
                said = {"error": type(error).__name__}
            answer = json.dumps(said, default=str).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            # Whoever asked may be dead by now.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(rail: HostileRail, what: str, told: dict[str, Any]) -> dict[str, Any] | None:
    if what == "transfers":
        since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
        return {"items": [asdict(one) for one in rail.transfers(since, until)]}
    ids = {name: uuid.UUID(told[name]) for name in ("payout", "group")}
    found = getattr(rail, what)(Order(**{**told, **ids}))
    return asdict(found) if isinstance(found, Sent) else None


def _plain(order: Order) -> dict[str, Any]:
    return {**asdict(order), "payout": str(order.payout), "group": str(order.group)}
