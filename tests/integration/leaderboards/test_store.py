"""Views and changes of boards in Redis."""

import uuid
from typing import Any

import pytest

from domain.leaderboards.board import Head, Place, Position
from domain.leaderboards.keys import BELLS, board_key, state_key, stream_key
from domain.leaderboards.store import BoardStore
from domain.redis import Redis
from models.competition import MAX_SCORE
from tests.boards import lines, put_board
from tests.integration.leaderboards.conftest import ranking

ID = uuid.UUID("0197a000-0000-7000-8000-000000000001")
EPOCH = "first"


def user(number: int) -> str:
    """Return an id that sorts by its number."""
    return str(uuid.UUID(int=number))


def put(store: BoardStore, scores: dict[str, int], status: str = "active") -> Head:
    """Make a board from nothing."""
    return put_board(store, ID, scores, Position(EPOCH, 1), status)


def move(store: BoardStore, head: Head, times: int) -> Head:
    """Flush a few times; the score of `user(1)` becomes the number of the flush."""
    for number in range(1, times + 1):
        reached = store.flush(ID, head, "active", [(user(1), number)]).head
        assert reached is not None
        head = reached
    return head


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 50])
def test_every_window_has_the_true_ranks(store: BoardStore, limit: int) -> None:
    scores = {user(n): (n * 7) % 5 for n in range(20)}
    put(store, scores)
    whole = ranking(scores)

    for start in range(22):
        read = store.read_page(ID, start, limit, user(3))
        assert read is not None
        page, me = read
        assert page.rows == whole[start : start + limit]
        assert me is not None
        assert (me.rank, me.score) == next(
            (row.rank, row.score) for row in whole if row.user_id == user(3)
        )
    for index, centre in enumerate(whole):
        around = store.read_around(ID, centre.user_id, limit)
        assert around is not None
        start = max(0, min(index - limit // 2, len(whole) - limit))
        assert around[0].rows == whole[start : start + limit]


def test_people_who_are_not_on_the_board(store: BoardStore) -> None:
    put(store, {user(1): 5})

    page, me = store.read_page(ID, 0, 10, user(9)) or (None, None)
    around, _ = store.read_around(ID, user(9), 10) or (None, None)
    users, _ = store.read_users(ID, [user(9), user(1)]) or (None, None)

    assert page is not None
    assert me is None
    assert around is not None
    assert (around.rows, around.total) == ([], 1)
    assert users is not None
    assert [row.user_id for row in users.rows] == [user(1)]


def test_scores_come_back_exactly_up_to_the_largest(store: BoardStore) -> None:
    put(store, {user(1): MAX_SCORE, user(2): 10**15 + 1})
    store.flush(ID, Head(EPOCH, 1), "active", [(user(3), MAX_SCORE - 1), (user(4), 0)])

    page, _ = store.read_page(ID, 0, 10) or (None, None)
    entries = store.since(ID, EPOCH, 1)

    assert page is not None
    assert [row.score for row in page.rows] == [MAX_SCORE, MAX_SCORE - 1, 10**15 + 1, 0]
    assert entries is not None
    assert entries[0].rows == [(user(3), MAX_SCORE - 1), (user(4), 0)]


def test_a_place_names_the_next_better_one(store: BoardStore) -> None:
    put(store, {user(1): 50, user(2): 50, user(3): 40, user(4): 40, user(5): 1})

    top, places = store.read_top_and_places(ID, [user(1), user(4), user(5), user(9)]) or (None, {})

    assert top is not None
    assert top.total == 5
    assert places == {
        user(1): Place(1, 50, None, None),
        user(4): Place(3, 40, 1, 10),
        user(5): Place(5, 1, 3, 39),
        user(9): None,
    }


def test_places_are_the_same_for_nearly_all_and_for_few(store: BoardStore) -> None:
    scores = {user(n): n // 3 for n in range(1201)}
    put(store, scores)

    position, of_all = store.places(ID, [*scores, user(5000)]) or (None, {})
    few = [user(n) for n in (0, 1, 600, 1198, 1200, 5000)]

    assert position == Position(EPOCH, 1)
    assert {id_: place.rank for id_, place in of_all.items() if place} == {
        row.user_id: row.rank for row in ranking(scores)
    }
    assert store.places(ID, few) == (position, {id_: of_all[id_] for id_ in few})
    assert of_all[user(1200)] == Place(1, 400, None, None)
    assert of_all[user(1199)] == Place(2, 399, 1, 1)
    assert of_all[user(0)] == Place(1199, 0, 1196, 1)


def test_a_flush_is_refused_unless_epoch_and_offset_match(store: BoardStore) -> None:
    put(store, {user(1): 5})

    wrong = [Head("other", 1), Head(EPOCH, 0), Head(EPOCH, 2), Head(EPOCH, 1, "other")]
    answers = [store.flush(ID, expected, "active", [(user(1), 9)]) for expected in wrong]

    assert answers == [(False, (EPOCH, 1, ""))] * 4
    assert store.read_page(ID, 0, 1, user(1)) is not None
    assert store.places(ID, [user(1)]) == (Position(EPOCH, 1), {user(1): Place(1, 5, None, None)})


def test_a_flush_without_a_board_says_so(store: BoardStore) -> None:
    assert store.flush(ID, Head(EPOCH, 1), "active", []) == (False, None)


def test_an_accepted_flush_leaves_a_step_and_rings(store: BoardStore, redis: Redis) -> None:
    put(store, {user(n): 100 for n in range(1, 101)} | {user(200): 5})
    channel: Any = redis
    with channel.pubsub() as heard:
        heard.subscribe(BELLS)
        assert heard.get_message(timeout=60)["type"] == "subscribe"

        changes = [(user(200), 101), (user(1), None), (user(300), 3)]
        answer = store.flush(ID, Head(EPOCH, 1), "active", changes)

        message = heard.get_message(timeout=60)
    assert answer.done
    assert answer.head is not None
    assert answer.head.position == (EPOCH, 2)
    assert message["data"].decode() == f"{ID} {EPOCH} 2"
    (entry,) = store.since(ID, EPOCH, 1) or []
    assert (entry.offset, entry.rows, entry.removed, entry.total, entry.status) == (
        2,
        [(user(200), 101)],
        [user(1)],
        101,
        None,
    )


def test_someone_who_moves_up_when_another_leaves_is_told(store: BoardStore) -> None:
    put(store, {user(n): 1000 - n for n in range(1, 103)})

    store.flush(ID, Head(EPOCH, 1), "active", [(user(1), None), (user(50), 0)])

    (entry,) = store.since(ID, EPOCH, 1) or []
    assert sorted(entry.rows) == [(user(101), 899), (user(102), 898)]
    assert sorted(entry.removed) == [user(1), user(50)]


def test_a_new_status_has_a_step_of_its_own(store: BoardStore) -> None:
    begun = put(store, {user(1): 5})

    alone = store.flush(ID, begun, "closing", []).head
    assert alone is not None
    both = store.flush(ID, alone, "provisional", [(user(1), 6)]).head

    assert both is not None
    entries = store.since(ID, EPOCH, 1) or []
    assert (alone.offset, both.offset) == (2, 4)
    assert [(entry.offset, entry.status, entry.rows) for entry in entries] == [
        (2, "closing", []),
        (3, "provisional", []),
        (4, None, [(user(1), 6)]),
    ]


def test_a_flush_takes_more_changes_than_lua_can_unpack(store: BoardStore) -> None:
    put(store, {user(n): n for n in range(9000)})
    changes = [(user(n), 9000 + n) for n in range(4500)]
    changes_and_removals = [*changes, *((user(n), None) for n in range(4500, 9000))]

    answer = store.flush(ID, Head(EPOCH, 1), "active", changes_and_removals)

    page, _ = store.read_page(ID, 0, 1) or (None, None)
    assert answer.done
    assert page is not None
    assert (page.total, page.rows[0]) == (4500, (1, user(4499), 13499))


def test_steps_are_given_whole_or_not_at_all(store: BoardStore, redis: Redis) -> None:
    move(store, put(store, {user(1): 0}), times=5)

    assert [entry.offset for entry in store.since(ID, EPOCH, 3) or []] == [4, 5, 6]
    assert store.since(ID, EPOCH, 6) == []
    assert store.since(ID, EPOCH, 7) is None
    assert store.since(ID, "other", 3) is None
    redis.xtrim(stream_key(ID), minid="5-0", approximate=False)
    assert store.since(ID, EPOCH, 3) is None
    assert [entry.offset for entry in store.since(ID, EPOCH, 4) or []] == [5, 6]
    redis.delete(stream_key(ID))
    assert store.since(ID, EPOCH, 5) is None


def test_a_board_knows_the_flushes_it_has_come_by(store: BoardStore, redis: Redis) -> None:
    begun = put(store, {user(1): 0})
    first = move(store, begun, times=1)
    last = move(store, first, times=2)

    assert all(store.descends(ID, head) for head in (begun, first, last))
    assert not store.descends(ID, Head(EPOCH, first.offset, last.lineage))
    assert not store.descends(ID, Head(EPOCH, last.offset + 1, last.lineage))
    redis.delete(stream_key(ID))
    assert not store.descends(ID, first)


@pytest.mark.parametrize("status", ["final", "cancelled"])
def test_a_finished_board_expires_as_a_whole(store: BoardStore, redis: Redis, status: str) -> None:
    head = store.flush(ID, put(store, {user(1): 0}), status, []).head
    assert head is not None

    keys = [board_key(ID), state_key(ID), stream_key(ID)]
    assert {redis.expiretime(key) for key in keys} == {redis.expiretime(keys[0])}
    assert redis.ttl(keys[0]) in range(3500, 3601)
    assert store.read_page(ID, 0, 1) is not None
    assert store.flush(ID, head, status, [(user(1), 7)]).done
    assert all(redis.ttl(key) in range(3500, 3601) for key in keys)


@pytest.mark.parametrize("key", [board_key(ID), state_key(ID)])
def test_a_board_with_a_lost_key_counts_as_missing(
    store: BoardStore, redis: Redis, key: str
) -> None:
    put(store, {user(1): 5})
    redis.delete(key)

    assert store.read_page(ID, 0, 10) is None
    assert store.states([ID]) == {ID: None}
    assert not store.flush(ID, Head(EPOCH, 1), "active", []).done


def test_states_of_many_boards(store: BoardStore) -> None:
    put(store, {user(1): 5})
    other = uuid.uuid4()

    assert store.states([ID, other]) == {ID: Position(EPOCH, 1), other: None}
    assert store.states([]) == {}


def test_a_swap_wants_the_epoch_that_was_found(store: BoardStore, redis: Redis) -> None:
    put(store, {user(1): 5})
    token = uuid.uuid4()
    store.copy(ID, token, lines({user(2): 7}))

    assert store.swap(ID, token, "other", Position("second", 9), "active", 1) is None
    assert redis.keys("*rebuild*") == []
    assert store.states([ID])[ID] == Position(EPOCH, 1)


def test_a_swap_wants_the_whole_copy(store: BoardStore, redis: Redis) -> None:
    token = uuid.uuid4()
    store.copy(ID, token, lines({user(1): 7}))
    redis.flushall()
    store.copy(ID, token, lines({user(2): 7}))

    assert store.swap(ID, token, None, Position(EPOCH, 1), "active", 2) is None


def test_a_swapped_board_stays_and_its_offset_rises(store: BoardStore, redis: Redis) -> None:
    move(store, put(store, {user(1): 5}), times=7)
    token = uuid.uuid4()
    store.copy(ID, token, lines({user(1): 7}))

    reached = store.swap(ID, token, EPOCH, Position("second", 3), "closing", 1)

    assert reached == Position("second", 9)
    assert redis.ttl(board_key(ID)) == -1
    assert redis.exists(stream_key(ID)) == 0
    picture = store.pictures([ID])[ID]
    assert picture == (Head(*reached), "closing")


def test_an_empty_board_is_a_board(store: BoardStore) -> None:
    put(store, {user(1): 5})
    assert put(store, {}) == Head(EPOCH, 2)

    page, me = store.read_page(ID, 0, 10, user(1)) or (None, None)

    assert page is not None
    assert (page.rows, page.total, me) == ([], 0, None)


def test_scripts_are_loaded_again_after_a_restart(store: BoardStore, redis: Redis) -> None:
    head = put(store, {user(1): 5})
    redis.script_flush()

    assert store.states([ID]) == {ID: head.position}
    redis.script_flush()
    assert store.flush(ID, head, "active", [(user(1), 6)]).done
    redis.script_flush()
    assert store.read_page(ID, 0, 1) is not None
