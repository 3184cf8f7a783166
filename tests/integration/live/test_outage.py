"""Valkey goes away and comes back empty: sockets stay, and see the board that is rebuilt."""

from contextlib import ExitStack
from pathlib import Path

from domain.leaderboards.store import BoardStore
from domain.redis import make_redis
from sandbox.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.factories import Factory
from tests.integration.live.conftest import Site, Stage, token_of, wait_until


def test_valkey_restarted(postgres: EmbeddedPostgres, factory: Factory, tmp_path: Path) -> None:
    people = factory.people(2)
    scores = {str(person.user_id): 5 for person in people}
    port = free_port()
    with ExitStack() as until_the_end:
        with EmbeddedValkey(tmp_path / "before", port=port, appendonly=False) as valkey:
            client = make_redis(valkey.url)
            until_the_end.callback(client.close)
            stage = Stage(factory.competition(people[0]), BoardStore(client), people)
            stage.rebuild(scores)
            site = Site(postgres.url, valkey.url, tmp_path / "log")
            until_the_end.callback(site.stop)
            listener = until_the_end.enter_context(site.open(stage.path, token_of(people[0])))
            assert listener.hear()["type"] == "snapshot"
        wait_until(lambda: "bells.unheard" in site.log, "the outage to be noticed")
        until_the_end.enter_context(EmbeddedValkey(tmp_path / "after", port=port, appendonly=False))
        late = until_the_end.enter_context(site.open(stage.path, token_of(people[1])))
        stage.rebuild({str(people[0].user_id): 6})
        assert listener.hear()["epoch"] == late.hear()["epoch"] == stage.position.epoch
        stage.flush(scores)
        assert listener.hear("update")["entries"][0]["score"] == 5
