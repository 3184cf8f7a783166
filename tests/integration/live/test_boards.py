"""What watchers of a board see."""

import json
import random
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.leaderboards.keys import BELLS
from domain.leaderboards.store import BoardStore
from domain.live.messages import CloseCode
from domain.redis import Redis
from models.competition import CompetitionStatus
from tests.factories import Factory
from tests.integration.live.conftest import Listener, Message, Site, Stage, token_of
from tests.unit.live.client import Client

Listen = Callable[..., Listener]


def ids(stage: Stage) -> list[str]:
    """User ids in ascending order."""
    return [str(person.user_id) for person in stage.people]


def follow(client: Client, listener: Listener, offset: int) -> None:
    """Apply what comes until the client is at `offset`."""
    while client.offset < offset:
        client.take(listener.hear("snapshot", "update", "status"))


def test_a_snapshot(stage: Stage, listen: Listen) -> None:
    first, second, third = ids(stage)
    names = [person.display_name for person in stage.people]
    assert listen(stage.path, stage.people[2]).hear() == {
        "type": "snapshot",
        "competition_id": str(stage.competition.id),
        "epoch": stage.position.epoch,
        "offset": stage.position.offset,
        "status": "active",
        "total": 3,
        "entries": [
            {"rank": 1, "user_id": first, "display_name": names[0], "score": 30},
            {"rank": 2, "user_id": second, "display_name": names[1], "score": 20},
            {"rank": 2, "user_id": third, "display_name": names[2], "score": 20},
        ],
        "me": {"rank": 2, "score": 20, "next": {"rank": 1, "gap": 10}},
    }


def test_an_update_and_then_my_place(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[2])
    base = listener.hear()["offset"]
    stage.flush({ids(stage)[2]: 31})
    assert listener.hear() == {
        "type": "update",
        "epoch": stage.position.epoch,
        "base": base,
        "offset": base + 1,
        "total": 3,
        "entries": [
            {"user_id": ids(stage)[2], "display_name": stage.people[2].display_name, "score": 31}
        ],
        "removed": [],
    }
    assert listener.hear() == {"type": "me", "rank": 1, "score": 31, "next": None}


def test_others_move_me(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    assert listener.hear()["me"]["rank"] == 1
    stage.flush({ids(stage)[2]: 31})
    assert [listener.hear()["type"], listener.hear()] == [
        "update",
        {"type": "me", "rank": 2, "score": 30, "next": {"rank": 1, "gap": 1}},
    ]


def test_leaving_the_board(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[2])
    listener.hear()
    stage.flush({ids(stage)[2]: None})
    update = listener.hear()
    assert (update["removed"], update["total"]) == ([ids(stage)[2]], 2)
    assert listener.hear() == {"type": "me", "rank": None, "score": None, "next": None}


def test_a_status_is_told_and_not_folded(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    offset = listener.hear()["offset"]
    stage.flush({ids(stage)[1]: 21})
    stage.status = "closing"
    stage.flush({})
    stage.flush({ids(stage)[1]: 22})
    told = [listener.hear("update", "status") for _ in range(3)]
    assert [(one["type"], one["base"], one["offset"]) for one in told] == [
        ("update", offset, offset + 1),
        ("status", offset + 1, offset + 2),
        ("update", offset + 2, offset + 3),
    ]
    assert told[1]["status"] == "closing"


def test_a_status_with_rows_is_two_messages(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    client = Client()
    client.take(listener.hear())
    stage.status = "closing"
    stage.flush({ids(stage)[1]: 40})
    follow(client, listener, stage.position.offset)
    assert client.status == "closing"
    assert client.rows() == shown(stage)


def test_many_changes_make_few_frames(stage: Stage, listen: Listen) -> None:
    listener = listen(stage.path, stage.people[0])
    client = Client()
    client.take(listener.hear())
    rng = random.Random(5)
    for _ in range(150):
        stage.flush({rng.choice(ids(stage)): rng.randrange(5)})
    follow(client, listener, stage.position.offset)
    assert client.frames < 100
    assert client.rows() == shown(stage)


def shown(stage: Stage) -> list[tuple[int, str, int]]:
    """The top 100 as the server has it."""
    reading = stage.store.read_top_and_places(stage.competition.id, [])
    assert reading is not None
    return [(row.rank, row.user_id, row.score) for row in reading.page.rows]


def test_a_lost_bell_is_healed_by_the_poll(stage: Stage, listen: Listen, redis: Redis) -> None:
    listener = listen(stage.path, stage.people[0])
    client = Client()
    client.take(listener.hear())
    # The script rings the bell itself; so that nobody hears it, the subscription is cut first.
    redis.client_kill_filter(_type="pubsub")
    stage.flush({ids(stage)[2]: 99})
    follow(client, listener, stage.position.offset)
    assert client.rows() == shown(stage)


def test_a_false_bell_does_no_harm(stage: Stage, listen: Listen, redis: Redis) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.hear()
    redis.publish(BELLS, "not a bell")
    redis.publish(BELLS, f"{stage.competition.id} {stage.position.epoch} 1")
    stage.flush({ids(stage)[2]: 99})
    assert listener.hear()["type"] == "update"


def test_a_new_epoch_brings_a_snapshot(stage: Stage, listen: Listen) -> None:
    listeners = [listen(stage.path, person) for person in stage.people]
    for listener in listeners:
        assert listener.hear()["epoch"] == stage.position.epoch
    stage.rebuild({ids(stage)[1]: 7})
    for listener, place in zip(listeners, (None, 1, None), strict=True):
        snapshot = listener.hear()
        assert (snapshot["type"], snapshot["epoch"]) == ("snapshot", stage.position.epoch)
        assert (snapshot["me"] or {}).get("rank") == place


def test_a_finished_board_is_shown_from_the_table(
    stage: Stage, listen: Listen, factory: Factory, redis: Redis
) -> None:
    for person, score in zip(stage.people, (8, 8, 5), strict=True):
        factory.participant(stage.competition, person, score)
    stage.competition.status = CompetitionStatus.FINAL
    factory.session.commit()
    redis.flushall()

    snapshot = listen(stage.path, stage.people[2]).hear()

    assert (snapshot["type"], snapshot["status"], snapshot["total"]) == ("snapshot", "final", 3)
    assert [entry["rank"] for entry in snapshot["entries"]] == [1, 1, 3]
    assert snapshot["me"] == {"rank": 3, "score": 5, "next": {"rank": 1, "gap": 3}}


def test_valkey_emptied_and_rebuilt(stage: Stage, listen: Listen, redis: Redis) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.hear()
    redis.flushall()
    late = listen(stage.path, stage.people[1])
    assert listener.silent()
    assert late.silent()
    stage.rebuild({ids(stage)[1]: 7})
    assert listener.hear()["epoch"] == late.hear()["epoch"] == stage.position.epoch


def test_resuming(stage: Stage, listen: Listen) -> None:
    offset = stage.position.offset
    path = f"{stage.path}?epoch={stage.position.epoch}&offset={offset}"
    stage.flush({ids(stage)[0]: 33})
    stage.flush({ids(stage)[1]: 34})
    listener = listen(path, stage.people[0])
    update = listener.hear()
    assert (update["type"], update["base"], update["offset"]) == ("update", offset, offset + 2)
    assert listener.hear() == {
        "type": "me",
        "rank": 2,
        "score": 33,
        "next": {"rank": 1, "gap": 1},
    }
    stage.flush({ids(stage)[2]: 35})
    assert listener.hear()["base"] <= offset + 2


@pytest.mark.parametrize(
    "query", ["epoch=other&offset=1", "offset=1", "epoch={}&offset=-1", "epoch={}&offset=999"]
)
def test_resuming_in_vain(query: str, stage: Stage, listen: Listen) -> None:
    path = f"{stage.path}?{query.format(stage.position.epoch)}"
    assert listen(path, stage.people[0]).hear()["type"] == "snapshot"


def test_a_resume_past_the_stream_is_a_snapshot(stage: Stage, listen: Listen, redis: Redis) -> None:
    path = f"{stage.path}?epoch={stage.position.epoch}&offset={stage.position.offset}"
    for score in range(3):
        stage.flush({ids(stage)[0]: score})
    redis.xtrim(f"board:{{{stage.competition.id}}}:stream", maxlen=1, approximate=False)
    assert listen(path, stage.people[0]).hear()["type"] == "snapshot"


def test_a_rename_is_told(stage: Stage, listen: Listen, session: Session, redis: Redis) -> None:
    listener = listen(stage.path, stage.people[0])
    listener.hear()
    session.execute(
        text("UPDATE person SET display_name = 'New' WHERE id = :id"),
        {"id": stage.people[1].id},
    )
    session.commit()
    redis.hset("people:names", ids(stage)[1], "New")
    stage.flush({ids(stage)[1]: 20})
    assert listener.hear()["entries"][0]["display_name"] == "New"


def test_a_slow_reader_is_sent_away_and_others_are_served(
    factory: Factory, store: BoardStore, site: Site, listen: Listen
) -> None:
    people = factory.people(100)
    stage = Stage(factory.competition(people[0]), store, people)
    stage.rebuild({str(person.user_id): 1 for person in people})
    client = Client()
    quick = listen(stage.path, people[0])
    client.take(quick.hear())
    with site.open_stuffed(stage.path, token_of(people[1])) as slow:
        for score in range(2, 400):
            stage.flush({str(person.user_id): score for person in people})
            follow(client, quick, stage.position.offset)
            if "too_slow" in site.log:
                break
        assert client.rows() == shown(stage)
        assert slow.closed() == CloseCode.TOO_SLOW_OR_TOO_MANY


def test_told_in_order(stage: Stage, listen: Listen) -> None:
    """My place is never told before the update that caused it."""
    listener = listen(stage.path, stage.people[2])
    client = Client()
    client.take(listener.hear())
    me: Message = {}
    for score in range(21, 60):
        stage.flush({ids(stage)[2]: score})
    while me.get("score") != 59:
        message = listener.hear()
        if message["type"] == "me":
            me = message
            assert client.score_of(ids(stage)[2]) >= me["score"]
        else:
            client.take(message)
    assert json.dumps(client.rows()) == json.dumps(shown(stage))
