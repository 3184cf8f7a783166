"""Ten thousand who never read: memory stays bounded, and who reads is served on time."""

import random
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from domain.leaderboards.store import BoardStore
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.factories import Factory
from tests.integration.live.conftest import PATIENCE_S, Site, Stage, token_of, wait_until
from tests.integration.live.lossy import Lossy
from tests.integration.live.silent_crowd import SilentCrowd
from web.live.connection import BACKLOG_LIMIT

pytestmark = pytest.mark.soak

CROWD, READERS = 10_000, 3
PEOPLE, MOVED = 100, 25
SECONDS = 120.0
AGAIN = 50
"""So many of those who were cut off come again after each move of the board."""
IDLE_BYTES = 45 * 1024
"""What a connection costs by itself."""
ON_TIME_S = 1.0


@pytest.fixture
def roomy(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, tmp_path: Path) -> Iterator[Site]:
    """A site with places for all of them, from one address."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    names = ("LIVE_CONNECTIONS", "LIVE_CONNECTIONS_PER_ADDRESS", "LIVE_CONNECTIONS_PER_PERSON")
    site = Site(postgres.url, valkey.url, tmp_path / "log", **dict.fromkeys(names, "15000"))
    yield site
    site.stop()
    assert "Traceback" not in site.log


def open_connections(site: Site) -> int:
    """Return how many the site counts."""
    told = requests.get(f"http://127.0.0.1:{site.port}/metrics", timeout=PATIENCE_S).text
    (line,) = (one for one in told.splitlines() if one.startswith("podium_live_connections "))
    return int(float(line.split()[1]))


def test_who_never_reads_costs_little_and_holds_up_nobody(
    factory: Factory, store: BoardStore, roomy: Site
) -> None:
    people = factory.people(PEOPLE)
    stage = Stage(factory.competition(people[0]), store, people)
    stage.rebuild({str(one.user_id): 1 for one in people})
    delays: list[float] = []
    with ExitStack() as stack:
        readers = [Lossy(roomy, stage.path, one) for one in people[:READERS]]
        for reader in readers:
            stack.callback(reader.leave)
            reader.follow(stage.position)
        memory = [roomy.memory]
        tokens = [token_of(one) for one in people]
        crowd = stack.enter_context(SilentCrowd(roomy.port, stage.path, tokens))
        for _ in range(CROWD):
            crowd.come()
        wait_until(lambda: open_connections(roomy) == CROWD + READERS, "all of them")
        memory.append(roomy.memory)
        until = time.monotonic() + SECONDS
        while (begun := time.monotonic()) < until:
            moved = random.sample(people, MOVED)
            stage.flush({str(one.user_id): stage.position.offset for one in moved})
            for reader in readers:
                reader.follow(stage.position)
            delays.append(time.monotonic() - begun)
            memory.append(roomy.memory)
            crowd.come_again(AGAIN)
    grown, delays = max(memory) - memory[0], sorted(delays)
    late = delays[int(0.99 * len(delays))]
    print(
        f"{CROWD:,} who never read, {crowd.returns:,} returns in {SECONDS:g} s: grown by"
        f" {grown / 2**20:.0f} MiB ({(memory[1] - memory[0]) / 2**20:.0f} on arrival),"
        f" {len(delays)} moves, seen by all who read after {delays[len(delays) // 2]:.3f} s,"
        f" p99 {late:.3f} s, longest {delays[-1]:.3f} s"
    )
    assert crowd.returns >= CROWD, "each was sent away at least once"
    assert grown < CROWD * (IDLE_BYTES + BACKLOG_LIMIT)
    assert late < ON_TIME_S
