"""Folded frames lead where the single steps lead."""

import uuid
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from domain.leaderboards.board import TOP, Entry, Page, Position, Row, ranked
from domain.live import composing
from domain.live.folding import Changes, StatusChange, Step, fold
from tests.unit.live.client import Client

EPOCH = "e"
COMPETITION = uuid.UUID(int=1)
PEOPLE = 130
"""Some more than the top holds, so that people enter and leave it."""

person = st.integers(0, PEOPLE - 1).map(lambda n: f"{n:04d}")
scores = st.dictionaries(person, st.none() | st.integers(0, 4), max_size=8)
flushes = st.lists(st.tuples(scores, st.sampled_from(["active", "closing", "final"])), max_size=25)
start = st.dictionaries(person, st.integers(0, 4), max_size=PEOPLE)


class Server:
    """A board and its stream, by the definition of both."""

    def __init__(self, scores: dict[str, int]) -> None:
        self.scores = dict(scores)
        self.status = "active"
        self.offset = 7
        self.entries: list[Entry] = []

    def top(self) -> list[tuple[str, int]]:
        """The first hundred in board order."""
        return sorted(self.scores.items(), key=lambda row: (-row[1], row[0]))[:TOP]

    def flush(self, changes: dict[str, int | None], status: str) -> None:
        """Take a step, or two when the status changes as well."""
        before, total = dict(self.top()), len(self.scores)
        for user_id, score in changes.items():
            if score is None:
                self.scores.pop(user_id, None)
            else:
                self.scores[user_id] = score
        after = dict(self.top())
        if status != self.status:
            self.status = status
            self._step([], [], total, status)
        rows = [(id_, score) for id_, score in after.items() if before.get(id_) != score]
        self._step(rows, list(before.keys() - after.keys()), len(self.scores), None)

    def _step(
        self, rows: list[tuple[str, int]], removed: list[str], total: int, status: str | None
    ) -> None:
        self.offset += 1
        self.entries.append(Entry(self.offset, rows, removed, total, status))

    def page(self) -> Page:
        """The top as it stands."""
        rows = ranked(self.top(), 0, 1)
        return Page(EPOCH, self.offset, self.status, len(self.scores), rows)


def client_at(page: Page) -> Client:
    """A client that has just had a snapshot."""
    client = Client()
    client.take(composing.snapshot(COMPETITION, page, {}))
    return client


def send(steps: Iterable[Step], client: Client) -> None:
    """Compose steps and let a client take them."""
    for step in steps:
        if isinstance(step, StatusChange):
            client.take(composing.status(EPOCH, step))
        else:
            client.take(composing.update(EPOCH, step, {}))


def rows_of(page: Page) -> list[tuple[int, str, int]]:
    """Rows as a client keeps them."""
    return [(row.rank, row.user_id, row.score) for row in page.rows]


@given(start, flushes, st.lists(st.integers(1, 6)))
def test_a_client_ends_with_the_servers_top(
    scores: dict[str, int],
    taken: list[tuple[dict[str, int | None], str]],
    ticks: list[int],
) -> None:
    """However the entries are cut into ticks, and whoever joins in between."""
    server = Server(scores)
    pending = Changes.after(server.offset, len(server.scores))
    clients = [client_at(server.page())]
    cuts = iter(ticks)
    read, until_tick = 0, next(cuts, 3)
    for changes, status in taken:
        server.flush(changes, status)
        steps, pending = fold(pending, server.entries[read:])
        read, until_tick = len(server.entries), until_tick - 1
        if until_tick == 0:
            until_tick = next(cuts, 3)
            steps, pending = _tick(steps, pending)
        for client in clients:
            send(steps, client)
        # Joins at the server's position while a fold may be waiting that began before it.
        clients.append(client_at(server.page()))
    for client in clients:
        send(_tick([], pending)[0], client)
        assert client.rows() == rows_of(server.page())
        assert (client.total, client.status) == (len(server.scores), server.status)


def _tick(steps: list[Step], pending: Changes) -> tuple[list[Step], Changes]:
    if not pending.matter:
        return steps, pending
    return [*steps, pending], Changes.after(pending.offset, pending.total)


@given(start, flushes, st.integers(0, 30))
def test_one_who_comes_back_gets_what_was_missed(
    scores: dict[str, int], taken: list[tuple[dict[str, int | None], str]], seen: int
) -> None:
    server = Server(scores)
    for changes, status in taken[:seen]:
        server.flush(changes, status)
    client = client_at(server.page())
    have = server.offset
    for changes, status in taken[seen:]:
        server.flush(changes, status)
    missed = [entry for entry in server.entries if entry.offset > have]
    steps, rest = fold(Changes(have, have, total=-1, told_total=-1), missed)
    send([*steps, rest] if rest.matter else steps, client)
    assert client.rows() == rows_of(server.page())
    assert (client.total, client.status) == (len(server.scores), server.status)


def test_the_last_word_wins() -> None:
    changes = Changes.after(1, 3)
    changes.add(Entry(2, [("a", 5), ("b", 1)], ["c"], 3, None))
    changes.add(Entry(3, [("c", 9)], ["a"], 3, None))
    assert (changes.base, changes.offset) == (1, 3)
    assert changes.rows == {"b": 1, "c": 9}
    assert changes.removed == {"a"}


def test_a_fold_that_shows_nothing_lends_its_base_to_the_status() -> None:
    entries = [Entry(2, [], [], 3, None), Entry(3, [], [], 3, "closing")]
    steps, rest = fold(Changes.after(1, 3), entries)
    assert steps == [StatusChange(1, 3, "closing")]
    assert (rest.base, rest.matter) == (3, False)


def test_equal_scores_share_a_rank_in_every_view() -> None:
    page = Page(EPOCH, 1, "active", 3, [Row(1, "a", 5), Row(1, "b", 5), Row(3, "c", 4)])
    assert page.position == Position(EPOCH, 1)
    assert client_at(page).rows() == rows_of(page)
