"""The JavaScript client in Node against the real site, on a network that is cut at random."""

import json
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from clients import js
from domain.leaderboards.keys import stream_key
from domain.redis import Redis
from models import Person
from tests.integration.live.cable import Cable
from tests.integration.live.conftest import PATIENCE_S, Site, Stage, token_of
from tests.rules import ON_SERVERS
from tests.unit.live.node import NODE

CROWD = [str(uuid.UUID(int=n)) for n in range(1, 131)]
"""More people than are shown."""

AGREED_S = 30.0


class Watcher:
    """Node with the client in it."""

    def __init__(self) -> None:
        script = js.FOLDER.parents[1] / "tests" / "integration" / "live" / "watcher.js"
        module = (js.FOLDER / "podium-live.js").as_uri()
        self._node = subprocess.Popen(
            [NODE, "--experimental-websocket", "--no-warnings", str(script), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seen: dict[str, Any] = {}
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def say(self, order: str, **options: Any) -> None:
        """Tell it what to do."""
        assert self._node.stdin is not None
        print(json.dumps({"order": order, **options}), file=self._node.stdin, flush=True)

    @property
    def state(self) -> str | None:
        """How its connection stands."""
        return (self.seen.get("connection") or {}).get("state")

    def stop(self) -> None:
        """End it."""
        self._node.terminate()
        self._node.wait(PATIENCE_S)
        self._reader.join()
        for pipe in (self._node.stdin, self._node.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._node.stdout is not None
        for line in self._node.stdout:
            self.seen = json.loads(line)


@pytest.fixture(scope="module")
def watcher() -> Iterator[Watcher]:
    """One Node for all that is asked of it."""
    started = Watcher()
    yield started
    started.stop()


@pytest.fixture
def cable(site: Site) -> Iterator[Cable]:
    """A cable to the site."""
    with Cable(site.port) as laid:
        yield laid


Watch = Callable[..., None]


@pytest.fixture
def watch(watcher: Watcher, cable: Cable, stage: Stage) -> Iterator[Watch]:
    """Watch the stage over the cable until the test ends."""

    def begin(person: Person, **options: Any) -> None:
        watcher.seen = {}
        watcher.say(
            "watch",
            site=cable.site,
            competitionId=str(stage.competition.id),
            pauseMs={"first": 40, "longest": 80},
            **{"token": token_of(person), **options},
        )

    yield begin
    watcher.say("leave")


def truth(site: Site, stage: Stage, person: Person) -> tuple[int, dict[str, Any]]:
    """Return what the API says, in the words of the watcher, and the offset at which it does."""
    answer = requests.get(
        f"http://127.0.0.1:{site.port}/api/v1/leaderboard/{stage.competition.id}",
        headers={"Authorization": f"Bearer {token_of(person)}"},
        timeout=PATIENCE_S,
    ).json()
    me = answer["me"]
    return answer["offset"], {
        "epoch": answer["epoch"],
        "status": answer["status"],
        "total": answer["total"],
        "rows": [[row["rank"], row["user_id"], row["score"]] for row in answer["entries"]],
        "me": me and {name: me[name] for name in ("rank", "score", "next")},
    }


def agree(site: Site, stage: Stage, person: Person, watcher: Watcher) -> None:
    """Wait until the watcher holds exactly what the API says at the present position.

    Its own offset may be an older one: what changes nothing that is shown is not sent.
    """

    deadline = time.monotonic() + AGREED_S
    while True:
        offset, there = truth(site, stage, person)
        seen = {name: watcher.seen.get(name) for name in there}
        if seen == there and offset == stage.position.offset:
            return
        if time.monotonic() > deadline:
            differ = {
                name: (seen[name], there[name]) for name in there if seen[name] != there[name]
            }
            pytest.fail(f"{watcher.seen.get('connection')} {differ}")
        time.sleep(0.02)


scores = st.one_of(st.none(), st.integers(0, 9), st.integers(0, 9))
moves = st.one_of(
    st.dictionaries(st.sampled_from(CROWD), scores, min_size=1, max_size=40),
    st.sampled_from(["cut", "dark", "light", "no sockets", "sockets", "trim", "rebuild", "mine"]),
)


# A failure is one of waiting in vain, so looking for a smaller one would take an hour.
@settings(
    ON_SERVERS,
    max_examples=settings().max_examples // 20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    moves=st.lists(moves, min_size=4, max_size=25), transport=st.sampled_from(["auto", "events"])
)
def test_whatever_happens_to_the_network_it_ends_with_the_servers_board(
    moves: list[Any],
    transport: str,
    stage: Stage,
    site: Site,
    redis: Redis,
    cable: Cable,
    watcher: Watcher,
    watch: Watch,
) -> None:
    person = stage.people[2]
    mine = str(person.user_id)
    stage.rebuild({name: n % 7 for n, name in enumerate(CROWD)} | {mine: 3})
    watch(person, transport=transport)
    try:
        agree(site, stage, person, watcher)
        for move in moves:
            match move:
                case "cut":
                    cable.cut()
                case "dark" | "light":
                    cable.dark = move == "dark"
                case "no sockets" | "sockets":
                    cable.no_sockets = move == "no sockets"
                case "trim":
                    redis.delete(stream_key(stage.competition.id))
                case "rebuild":
                    stage.rebuild({name: n % 5 for n, name in enumerate(CROWD)} | {mine: 2})
                case "mine":
                    stage.flush({mine: stage.position.offset % 9})
                case _:
                    stage.flush(move)
        cable.dark = False
        agree(site, stage, person, watcher)
    finally:
        cable.dark = cable.no_sockets = False
        watcher.say("leave")
