"""Whatever is lost, who comes back ends with exactly the server's top and their own place."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.leaderboards.board import TOP
from domain.leaderboards.keys import stream_key
from domain.leaderboards.store import BoardStore
from domain.live import composing
from domain.redis import Redis, make_redis
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.factories import Factory
from tests.integration.live.conftest import Site, Stage, wait_until
from tests.integration.live.lossy import Lossy

PEOPLE = TOP + 30
SOAK = pytest.mark.soak


class Crowded(Stage):
    """A board with more people than its top has, that moves at random."""

    def __init__(self, factory: Factory, store: BoardStore, rng: random.Random) -> None:
        people = factory.people(PEOPLE)
        super().__init__(factory.competition(people[0]), store, people)
        self._rng = rng
        self._scores = {str(one.user_id): rng.randrange(50) for one in people}
        self.renew()

    def renew(self) -> None:
        """Rebuild it, which begins a new epoch."""
        self.rebuild(self._scores)

    def change(self) -> None:
        """Let some people score, come or go."""
        everyone = [str(one.user_id) for one in self.people]
        some = self._rng.sample(everyone, self._rng.randrange(1, 20))
        changes = {id_: self._rng.choice([None, *range(60)]) for id_ in some}
        self.flush(changes)
        for id_, score in changes.items():
            self._scores.pop(id_, None)
            if score is not None:
                self._scores[id_] = score

    def turn(self) -> None:
        """Change the competition's state, which is not held back."""
        self.status = self._rng.choice(["active", "closing"])
        self.change()


def assert_true(client: Lossy, stage: Stage) -> None:
    """Compare what someone sees with what the server has."""
    user_id = str(client.person.user_id)
    reading = stage.store.read_top_and_places(stage.competition.id, [user_id])
    assert reading is not None
    page, own = reading.page, reading.places[user_id]
    assert client.board.rows() == [(row.rank, row.user_id, row.score) for row in page.rows]
    assert (client.board.total, client.board.status) == (page.total, page.status)
    assert client.me == (None if own is None else composing.place_of(own))


def kill_and_wait(valkey: EmbeddedValkey, site: Site) -> None:
    """Kill it; return when the site has noticed."""
    before = site.log.count("bells.unheard")
    valkey.kill()
    wait_until(lambda: site.log.count("bells.unheard") > before, "the outage to be noticed")


@pytest.fixture
def watch() -> Iterator[Callable[..., Lossy]]:
    """Let people watch until the test ends."""
    with ExitStack() as stack:

        def come(site: Site, stage: Stage, number: int) -> Lossy:
            client = Lossy(site, stage.path, stage.people[number])
            stack.callback(client.leave)
            return client

        yield come


@pytest.mark.parametrize(("seed", "rounds"), [(1, 2), pytest.param(None, 60, marks=SOAK)])
def test_one_who_loses_messages_and_is_cut_ends_with_the_truth(
    seed: int | None,
    rounds: int,
    factory: Factory,
    store: BoardStore,
    site: Site,
    redis: Redis,
    watch: Callable[..., Lossy],
) -> None:
    seed = random.randrange(10**9) if seed is None else seed
    print(f"seed {seed}")
    rng = random.Random(seed)
    stage = Crowded(factory, store, rng)
    clients = [watch(site, stage, number) for number in range(3)]

    def trim() -> None:
        redis.xtrim(stream_key(stage.competition.id), maxlen=rng.randrange(4), approximate=False)

    def deafen() -> None:
        redis.client_kill_filter(_type="pubsub")

    happens = [stage.change, stage.turn, stage.renew, trim, deafen]
    for _ in range(rounds):
        for _ in range(40):
            rng.choices(happens, [40, 40, 2, 5, 1])[0]()
            for client in clients:
                client.read(0.005)
                if rng.random() < 0.05:
                    client.come()
        for client in clients:
            client.catch_up(stage.position)
            assert_true(client, stage)


@pytest.mark.parametrize("killed", [pytest.param(0, marks=SOAK), 1])
def test_who_watched_at_a_process_that_dies_goes_on_at_another(
    killed: int,
    factory: Factory,
    store: BoardStore,
    site: Site,
    postgres: EmbeddedPostgres,
    valkey: EmbeddedValkey,
    tmp_path: Path,
    watch: Callable[..., Lossy],
) -> None:
    stage = Crowded(factory, store, random.Random(7))
    others = [Site(postgres.url, valkey.url, tmp_path / f"{n}") for n in range(2 - killed)]
    sites = [*[site][:killed], *others]
    clients = [watch(one, stage, number) for one in sites for number in range(2)]
    for _ in range(5):
        stage.change()
    for client in clients:
        client.follow(stage.position)
    assert clients[0].board.rows() == clients[2].board.rows()
    sites[killed].kill()
    for _ in range(5):
        stage.change()
    for client in clients[2 * killed : 2 * killed + 2]:
        client.come(sites[1 - killed])
    for client in clients:
        client.follow(stage.position)
        assert client.snapshots == 1, "it came back with what it had missed"
        client.catch_up(stage.position)
        assert_true(client, stage)
    for other in others:
        other.stop()


@pytest.mark.parametrize("rounds", [1, pytest.param(12, marks=SOAK)])
def test_valkey_killed_and_back(
    rounds: int,
    postgres: EmbeddedPostgres,
    factory: Factory,
    tmp_path: Path,
    watch: Callable[..., Lossy],
) -> None:
    port = free_port()
    with ExitStack() as stack:
        valkey = stack.enter_context(EmbeddedValkey(tmp_path / "valkey", port=port))
        redis = make_redis(valkey.url)
        stack.callback(redis.close)
        stage = Crowded(factory, BoardStore(redis), random.Random(3))
        site = Site(postgres.url, valkey.url, tmp_path / "log")
        stack.callback(site.stop)
        clients = [watch(site, stage, number) for number in range(2)]
        for number in range(rounds):
            for client in clients:
                client.follow(stage.position)
            kill_and_wait(valkey, site)
            is_lost = number % 2 == 1
            if is_lost:
                shutil.rmtree(valkey.data_dir)
            valkey.start()
            (stage.renew if is_lost else stage.change)()
            stage.change()
            for client in clients:
                client.follow(stage.position)
                assert client.snapshots == 1 + (number + 1) // 2, "only a lost board is told anew"
                client.catch_up(stage.position)
                assert_true(client, stage)
