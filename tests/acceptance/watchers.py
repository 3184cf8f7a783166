"""Many live connections to one board, each of which keeps to the contract's rule."""

import asyncio
import json
import random
import threading
from collections import Counter
from collections.abc import Sequence

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from tests.acceptance.stack import PATIENCE_SECONDS, App, Stack, wait_until
from tests.unit.live.client import Client

COMES_BACK_S = 1.0
"""At most so long after an end, as our own client does at first; not all at once."""
BOARDS_OWN = {"snapshot", "update", "status"}


class Watchers:
    """So many who watch; whose connection ends comes back with what they have."""

    def __init__(self, stack: Stack, people: Sequence[App], competition_id: str, number: int):
        self.closes: Counter[tuple[int, str]] = Counter()
        self.turned_away = 0
        self.failures: list[str] = []
        self.boards = [Client() for _ in range(number)]
        self._stack = stack
        self._apps = [people[n % len(people)] for n in range(number)]
        self._competition_id = competition_id
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch_all()))

    def __enter__(self) -> "Watchers":
        self._thread.start()
        wait_until(lambda: all(one.frames for one in self.boards), "every snapshot")
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def all_see(self, entries: Sequence[dict[str, object]]) -> bool:
        """Say whether everybody's board is the one of the page."""
        page = [(one["rank"], one["user_id"], one["score"]) for one in entries]
        return all(board.rows() == page for board in self.boards)

    async def _watch_all(self) -> None:
        await asyncio.gather(*map(self._watch, self._apps, self.boards))

    async def _watch(self, app: App, board: Client) -> None:
        while not self._over:
            try:
                await self._follow(app, board)
            except ConnectionClosed as end:
                self.closes[(end.rcvd.code, end.rcvd.reason) if end.rcvd else (1006, "")] += 1
            except AssertionError as error:
                self.failures.append(str(error))
            except (InvalidHandshake, InvalidMessage, OSError):
                self.turned_away += 1
            if not self._over:
                await asyncio.sleep(random.uniform(0, COMES_BACK_S))

    async def _follow(self, app: App, board: Client) -> None:
        base = self._stack.web.replace("http", "ws", 1)
        query = f"?epoch={board.epoch}&offset={board.offset}" if board.epoch else ""
        async with connect(
            f"{base}/ws/leaderboard/{self._competition_id}{query}",
            additional_headers={"Authorization": f"Bearer {app.token}"},
            open_timeout=PATIENCE_SECONDS,
            compression=None,
            ping_interval=None,
        ) as socket:
            while not self._over:
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                except TimeoutError:
                    continue
                if message["type"] in BOARDS_OWN:
                    board.take(message)
