"""Boards over REST: pages, neighbourhoods, chosen people, ETags, and life without Redis."""

import time
import uuid
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.leaderboards.board import Position
from domain.redis import Redis
from models import Board, Competition, Person
from models.competition import CompetitionStatus, Visibility
from sandbox.valkey import EmbeddedValkey
from tests.boards import put_board
from tests.factories import Factory
from tests.integration.web.conftest import Caller, SignIn
from web.db import Front

PATIENCE_S = 60.0


class Race:
    """A competition whose board stands in Redis and in the table alike."""

    def __init__(self, factory: Factory, front: Front, scores: list[int]) -> None:
        self.factory = factory
        self.front = front
        self.competition: Competition = factory.competition()
        self.people: list[Person] = factory.people(len(scores))
        for person, score in zip(self.people, scores, strict=True):
            factory.participant(self.competition, person, score)
        self.id = self.competition.id
        epoch = factory.session.scalars(select(Board.epoch)).one()
        board = {str(p.user_id): score for p, score in zip(self.people, scores, strict=True)}
        self.head = put_board(front.boards, self.id, board, Position(epoch, 1))

    def move(self, person: Person, score: int) -> None:
        """Change a score in Redis, as a flush does."""
        change = [(str(person.user_id), score)]
        answer = self.front.boards.flush(self.id, self.head, "active", change)
        assert answer.done
        assert answer.head is not None
        self.head = answer.head

    def order(self, scores: list[int]) -> list[tuple[int, str]]:
        """The ranks and ids that a board with these scores must show."""
        pairs = sorted(
            (-score, str(person.user_id)) for person, score in zip(self.people, scores, strict=True)
        )
        negated = [score for score, _ in pairs]
        return [(negated.index(score) + 1, user_id) for score, user_id in pairs]


@pytest.fixture
def race(factory: Factory, front: Front, redis: Redis) -> Callable[[list[int]], Race]:
    return lambda scores: Race(factory, front, scores)


def shown(answer: Any) -> list[tuple[int, str]]:
    """Ranks and ids of an answer."""
    return [(entry["rank"], entry["user_id"]) for entry in answer.json["entries"]]


def until(holds: Callable[[], bool]) -> None:
    """Poll with a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_shows_ranks_names_and_me(race: Callable[..., Race], sign_in: SignIn) -> None:
    scores = [5, 9, 9, 0, 7]
    board = race(scores)
    answer = sign_in(board.people[4]).get(f"/leaderboard/{board.id}")
    body: Any = answer.json
    assert shown(answer) == board.order(scores)
    assert (body["epoch"], body["offset"]) == board.head.position
    assert (body["total"], body["status"], body["metric"]) == (5, "active", "steps")
    assert body["me"] == {
        "rank": 3,
        "user_id": str(board.people[4].user_id),
        "display_name": board.people[4].display_name,
        "score": 7,
        "next": {"rank": 1, "gap": 2},
    }
    names = {str(person.user_id): person.display_name for person in board.people}
    assert all(entry["display_name"] == names[entry["user_id"]] for entry in body["entries"])
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert sign_in().get(f"/leaderboard/{board.id}").json["me"] is None  # type: ignore[index]  # an object


def test_pages_and_bounds(race: Callable[..., Race], caller: Caller) -> None:
    scores = list(range(30))
    board = race(scores)
    order = board.order(scores)
    path = f"/leaderboard/{board.id}"
    assert shown(caller.get(f"{path}?start=10&limit=5")) == order[10:15]
    assert shown(caller.get(f"{path}?start=28&limit=5")) == order[28:]
    assert shown(caller.get(f"{path}?start=30")) == []
    assert shown(caller.get(f"{path}?limit=1000")) == order
    for query in (
        "limit=0",
        "limit=1001",
        "start=-1",
        "around=nobody",
        "users=",
        "users=x",
        "users=" + ",".join(str(uuid.uuid4()) for _ in range(201)),
        f"users={uuid.uuid4()}&around=me",
        "around=me&start=3",
    ):
        assert caller.get(f"{path}?{query}").status_code == 422, query


def test_neighbourhood(race: Callable[..., Race], sign_in: SignIn) -> None:
    scores = list(range(40))
    board = race(scores)
    order = board.order(scores)
    me = sign_in(board.people[20])
    path = f"/leaderboard/{board.id}"
    assert shown(me.get(f"{path}?around=me")) == order[14:25]
    centre = str(board.people[39].user_id).upper()
    assert shown(me.get(f"{path}?around={centre}&limit=3")) == order[:3]
    assert shown(sign_in().get(f"{path}?around=me")) == []


def test_chosen_people_with_their_true_ranks(race: Callable[..., Race], caller: Caller) -> None:
    scores = [3, 1, 4, 1, 5]
    board = race(scores)
    chosen = [str(board.people[number].user_id) for number in (1, 3, 4)]
    order = [row for row in board.order(scores) if row[1] in chosen]
    users = ",".join([*chosen, str(uuid.uuid4()), chosen[0].upper()])
    assert shown(caller.get(f"/leaderboard/{board.id}?users={users}")) == order


def test_unchanged_until_the_board_moves(race: Callable[..., Race], sign_in: SignIn) -> None:
    board = race([1, 2, 3])
    me, other = sign_in(board.people[0]), sign_in(board.people[1])
    for query in ("", "?around=me", f"?users={board.people[2].user_id}"):
        path = f"/leaderboard/{board.id}{query}"
        first = me.get(path)
        tag = {"If-None-Match": first.headers["ETag"]}
        unchanged = me.get(path, headers=tag)
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert unchanged.headers["ETag"] == first.headers["ETag"]
        assert other.get(path, headers=tag).status_code == 200
    board.move(board.people[0], 10)
    path = f"/leaderboard/{board.id}"
    until(lambda: me.get(path, headers={"If-None-Match": tag["If-None-Match"]}).status_code == 200)
    until(lambda: (me.get(path).json or {})["me"]["score"] == 10)
    near: Any = me.get(f"{path}?around=me").json
    assert near["entries"][0]["score"] == near["me"]["score"] == 10
    assert me.get(path).json["me"]["rank"] == 1  # type: ignore[index]  # an object


def test_while_a_board_stands_still_redis_is_not_asked(
    race: Callable[..., Race], sign_in: SignIn, redis: Redis
) -> None:
    board = race([1, 2, 3])
    callers = [sign_in(board.people[0]), sign_in()]

    def scripts() -> int:
        info: Any = redis.info("commandstats")
        return sum(info.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))

    def asked() -> int:
        before = scripts()
        for caller, path in product(callers, paths):
            caller.get(path)
        return scripts() - before

    paths = [f"/leaderboard/{board.id}{query}" for query in ("", "?start=1", "?around=me")]
    until(lambda: asked() == 0)
    before = scripts()
    began = time.monotonic()
    for _ in range(25):
        asked()
    polls = int(time.monotonic() - began) + 2
    assert scripts() - before <= polls


def test_a_new_name_shows_once_its_boards_moved(race: Callable[..., Race], sign_in: SignIn) -> None:
    board = race([1, 2])
    me = sign_in(board.people[0])
    path = f"/leaderboard/{board.id}"
    me.get(path)
    me.call("PATCH", "/me", json={"display_name": "Grace"})
    board.move(board.people[0], 1)
    until(lambda: (me.get(path).json or {})["me"]["display_name"] == "Grace")
    entries: Any = me.get(path).json
    assert [entry["display_name"] for entry in entries["entries"]][-1] == "Grace"


def test_without_a_board_in_redis_the_table_answers_the_same(
    race: Callable[..., Race], sign_in: SignIn, redis: Redis
) -> None:
    scores = [5, 9, 9, 0, 7]
    board = race(scores)
    me = sign_in(board.people[4])
    queries = ("", "?start=1&limit=2", "?around=me&limit=3", f"?users={board.people[0].user_id}")
    paths = [f"/leaderboard/{board.id}{query}" for query in queries]
    before: list[Any] = [me.get(path).json for path in paths]
    redis.flushall()
    until(lambda: "ETag" not in me.get(paths[0]).headers)
    for path, expected in zip(paths, before, strict=True):
        found: Any = me.get(path).json
        assert found["entries"] == expected["entries"]
        assert found["me"] == expected["me"]
        assert found["total"] == expected["total"]


def test_a_cancelled_board_is_read_from_the_table(
    race: Callable[..., Race], sign_in: SignIn, redis: Redis
) -> None:
    scores = [5, 9, 9, 0, 7]
    board = race(scores)
    board.competition.status = CompetitionStatus.CANCELLED
    board.factory.session.commit()
    board.move(board.people[3], 1000)  # a picture that is wrong and not looked at
    me = sign_in(board.people[4])
    path = f"/leaderboard/{board.id}"

    first = me.get(path)

    body: Any = first.json
    assert shown(first) == board.order(scores)
    assert (body["status"], body["me"]["rank"]) == ("cancelled", 3)
    tag = {"If-None-Match": first.headers["ETag"]}
    assert me.get(path, headers=tag).status_code == 304
    assert sign_in(board.people[0]).get(path, headers=tag).status_code == 200
    redis.flushall()
    assert me.get(path, headers=tag).status_code == 304


def test_callers_share_what_the_table_answered(
    race: Callable[..., Race], sign_in: SignIn, session: Session
) -> None:
    board = race([1, 2, 3])
    board.competition.status = CompetitionStatus.FINAL
    board.factory.session.commit()
    path = f"/leaderboard/{board.id}"
    one, other = sign_in(board.people[0]), sign_in(board.people[1])
    first: Any = one.get(path).json
    session.execute(text("UPDATE participant SET computed = computed + 10"))
    session.commit()

    second: Any = other.get(path).json

    if second["as_of"] == first["as_of"]:  # unless this machine took a second
        assert second["entries"] == first["entries"]
    until(lambda: (one.get(path).json or {})["entries"][0]["score"] == 13)


def test_boards_are_shown_while_redis_is_down(
    race: Callable[..., Race], sign_in: SignIn, valkey: EmbeddedValkey
) -> None:
    scores = [1, 2, 2]
    board = race(scores)
    me = sign_in(board.people[0])
    path = f"/leaderboard/{board.id}"
    assert "ETag" in me.get(path).headers
    valkey.kill()
    try:
        until(lambda: "ETag" not in me.get(path).headers)
        assert shown(me.get(path)) == board.order(scores)
        assert me.get("/me").status_code == 200
    finally:
        valkey.start()


def test_private_boards_are_for_those_inside(
    race: Callable[..., Race], sign_in: SignIn, session: Session
) -> None:
    board = race([1, 2])
    board.competition.visibility, board.competition.invite_code = Visibility.PRIVATE, "x"
    board.factory.session.commit()
    path = f"/leaderboard/{board.id}"
    assert sign_in().get(path).status_code == 404
    assert sign_in(board.people[0]).get(path).status_code == 200
    assert sign_in(app_metadata={"role": "admin"}).get(path).status_code == 200
    assert sign_in().get(path).status_code == 404
