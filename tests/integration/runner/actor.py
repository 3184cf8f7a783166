"""A process for the runner to supervise: `python -m tests.integration.runner.actor ROLE`.

Every actor notes how it was asked to end in the file `events`.
"""

import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType


def note(event: str) -> None:
    with Path("events").open("a") as file:
        file.write(f"{event}\n")


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        return


def serve(port: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def act(role: str) -> None:
    """Live until SIGTERM, as far as the role lets it."""
    ended = threading.Event()

    def on_term(_number: int, _frame: FrameType | None) -> None:
        note(f"{role} SIGTERM")
        if not role.endswith("stubborn"):
            ended.set()

    signal.signal(signal.SIGTERM, on_term)
    if role == "web":
        serve(int(os.environ["PORT"]))
    if role == "sandbox":
        serve(int(os.environ["SANDBOX_PORT"]))
    if role.endswith("parent"):
        child = [sys.executable, "-m", "tests.integration.runner.actor", "child-stubborn"]
        subprocess.Popen(child)
    note(f"{role} {os.getpid()}")
    print(f"{role} lives", flush=True)
    ended.wait()


if __name__ == "__main__":
    act(sys.argv[1])
