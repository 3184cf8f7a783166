"""People who ask for syncs at a steady rate, and what they were answered."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from tests.acceptance.stack import PATIENCE_SECONDS, App, Stack, wait_until

AT_ONCE = 32


class Callers:
    """Asks for one sync and looks at the board, so many times a second, until told to stop."""

    def __init__(self, stack: Stack, people: Sequence[App], competition_id: str, rate: float):
        self.syncs: set[str] = set()
        self.requests = 0
        self.failures: list[str] = []
        self._stack = stack
        self._people = cycle(people)
        self._board = f"/leaderboard/{competition_id}"
        self._rate = rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._call)
        self._lock = threading.Lock()

    def __enter__(self) -> "Callers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for_more(self) -> None:
        """Wait until a second's requests more were answered."""
        enough = self.requests + 2 * self._rate
        wait_until(lambda: self.requests > enough, "more answers")

    def _call(self) -> None:
        asked: list[Future[None]] = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not self._over.wait(1 / self._rate):
                asked.append(pool.submit(self._ask, next(self._people)))
        for one in asked:
            one.result()

    def _ask(self, app: App) -> None:
        sync = self._send(app, "POST", "/fitness/sync", 202)
        self._send(app, "GET", self._board, 200)
        if sync is not None:
            with self._lock:
                self.syncs.add(sync["sync_id"])

    def _send(self, app: App, method: str, path: str, expect: int) -> Any:
        """Return the answer; None, and a failure is noted, if it is not what was expected."""
        try:
            answer = wait_until(lambda: self._dial(app, method, path), "somebody at the door")
        except (requests.RequestException, TimeoutError) as error:
            return self._note(f"{method} {path}: {error!r}")
        if answer.status_code != expect:
            return self._note(f"{method} {path}: {answer.status_code} {answer.text}")
        return self._note("", answer.json())

    def _note(self, failure: str, found: Any = None) -> Any:
        with self._lock:
            self.requests += 1
            if failure:
                self.failures.append(failure)
        return found

    def _dial(self, app: App, method: str, path: str) -> requests.Response | None:
        """Return None where nobody listens any more: nothing was sent, so a proxy goes on."""
        try:
            return requests.request(
                method,
                f"{self._stack.web}/api/v1{path}",
                headers={"Authorization": f"Bearer {app.token}"},
                json={"provider": "google_fit"} if method == "POST" else None,
                timeout=PATIENCE_SECONDS,
            )
        except requests.ConnectionError as error:
            reason = getattr(error.args[0], "reason", None) if error.args else None
            if isinstance(reason, NewConnectionError):
                return None
            raise
