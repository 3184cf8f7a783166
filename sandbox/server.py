"""The outside world on one port: Supabase Auth, Google OAuth, Google Fit, Stripe, control.

`python -m sandbox.server` serves until SIGTERM or SIGINT. Tests run `create_app` in their own
process with `running`. Nothing in here blocks, so gevent needs no monkey patch.
"""

import argparse
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
from flask import Flask
from flask_cors import CORS
from gevent.pywsgi import WSGIHandler, WSGIServer

from sandbox import control, gate, google_fit, google_oauth, supabase
from sandbox.current import settle
from sandbox.gate import ConnectionCut
from sandbox.stripe import api as stripe
from sandbox.stripe import onboarding
from sandbox.stripe.outbox import SECRET, Manner
from sandbox.world import Client, World

DEFAULT_PORT = 8090
_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 2
_STOP_POLL_S = 0.02

_LOCAL_ORIGINS = [r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$"]


class Handler(WSGIHandler):
    def handle(self) -> None:
        # Head and body go out in two writes; without this the second waits 40 ms for an ACK.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle()

    def handle_error(self, t: type[BaseException] | None, v: Any, tb: Any) -> None:
        if isinstance(v, ConnectionCut):
            self.status = self.status or "000 cut"
            self.close_connection = True
        else:
            super().handle_error(t, v, tb)


def create_app(world: World) -> Flask:
    app = Flask("sandbox")
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    settle(app, world)
    gate.install(app, world)
    for room in (supabase, google_oauth, google_fit, stripe, onboarding, control):
        app.register_blueprint(room.blueprint)
    CORS(app, origins=_LOCAL_ORIGINS, max_age=600)
    return app


def make_server(world: World, host: str, port: int) -> Any:
    """A listening server (a `WSGIServer`); the world's public URL is its own unless it has one."""
    server = WSGIServer((host, port), create_app(world), handler_class=Handler, log=None)
    server.init_socket()
    world.public_url = world.public_url or f"http://{host}:{server.server_port}"
    return server


@contextmanager
def running(world: World, port: int = 0) -> Iterator[str]:
    """Serve the world from a thread of this process; gives the base URL."""
    ready, stopping, addresses = threading.Event(), threading.Event(), []
    given_url = world.public_url

    def serve() -> None:
        server = make_server(world, "127.0.0.1", port)
        server.start()
        addresses.append(f"http://127.0.0.1:{server.server_port}")
        ready.set()
        while not stopping.is_set():
            gevent.sleep(_STOP_POLL_S)
        server.stop(timeout=0)

    thread = threading.Thread(target=serve, name="sandbox", daemon=True)
    thread.start()
    if not ready.wait(_START_TIMEOUT_S):
        raise TimeoutError("the sandbox did not start")
    try:
        yield addresses[0]
    finally:
        stopping.set()
        thread.join()
        world.stripe.outbox.close()
        world.public_url = given_url


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments)
    world = World(
        options.people,
        seed=options.seed,
        data=options.data,
        client=Client(options.client_id, options.client_secret),
    )
    world.public_url = options.public_url.rstrip("/")
    world.stripe.outbox.manner = Manner(options.webhooks, options.webhook_secret)
    server = make_server(world, options.host, options.port)

    def stop() -> None:
        server.stop(timeout=_STOP_TIMEOUT_S)

    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop)
    print(f"sandbox listening on http://{options.host}:{server.server_port}", flush=True)
    server.serve_forever()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.server", description=__doc__)
    default_port = int(os.environ.get("SANDBOX_PORT", DEFAULT_PORT))
    client = Client()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=default_port, help="0 takes any free one")
    parser.add_argument("--data", type=Path, default=Path(".local/sandbox"))
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--public-url", default="", help="how the program reaches this server")
    parser.add_argument("--webhooks", default="", help="where Stripe sends what it tells unasked")
    parser.add_argument(
        "--webhook-secret",
        # Whoever hears may know several; one is enough to sign.
        default=os.environ.get("STRIPE_WEBHOOK_SECRET", "").partition(",")[0] or SECRET,
    )
    parser.add_argument("--client-id", default=os.environ.get("GOOGLE_CLIENT_ID", client.id))
    parser.add_argument(
        "--client-secret", default=os.environ.get("GOOGLE_CLIENT_SECRET", client.secret)
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
