"""The split against a plain reading of the rules, one minor unit at a time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.prizes.split import Plan, Split, Tie, split
from models.prize import SplitKind


@dataclass(frozen=True)
class Person:
    """Someone on a board."""

    user_id: uuid.UUID
    score: int


def board(people: Sequence[Person]) -> list[Person]:
    return sorted(people, key=lambda one: (-one.score, str(one.user_id)))


def shared_out(plan: Plan, people: Sequence[Person], min_score: int | None) -> Split:
    groups = groupby(board(people), key=lambda one: one.score)
    return split(plan, [Tie(score, len([*group])) for score, group in groups], min_score)


def awards_of(plan: Plan, people: Sequence[Person], min_score: int | None) -> dict[Person, int]:
    """Return what each winner gets by the program."""
    amounts = shared_out(plan, people, min_score).amounts()
    return dict(zip(board(people), amounts, strict=False))


def expected(plan: Plan, people: Sequence[Person], min_score: int | None) -> dict[Person, int]:
    """Read the rules word for word: lay each place's money down, then deal it out coin by coin."""
    eligible = [one for one in people if one.score > 0 and one.score >= (min_score or 0)]
    got = dict.fromkeys(eligible, 0)

    def deal(pot: int, among: list[Person]) -> None:
        while pot:
            for one in among:
                got[one] += 1
                pot -= 1
                if not pot:
                    break

    if plan.split is SplitKind.EQUAL:
        if eligible:
            deal(plan.pool, board(eligible))
        return {one: amount for one, amount in got.items() if amount}
    money = list(plan.places or ())
    if plan.split is SplitKind.PERCENT:
        money = [(plan.pool * percent - plan.pool * percent % 100) // 100 for percent in money]
    for one in eligible:
        rank = 1 + sum(other.score > one.score for other in eligible)
        equals = [other for other in eligible if other.score == one.score]
        if one is board(equals)[0]:
            covered = range(rank, rank + len(equals))
            deal(sum(money[place - 1] for place in covered if place <= len(money)), board(equals))
    return {one: amount for one, amount in got.items() if amount}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    pool = draw(st.integers(1, 400))
    kind = draw(st.sampled_from(SplitKind))
    places = None
    if kind is not SplitKind.EQUAL:
        left = 100 if kind is SplitKind.PERCENT else pool
        most, shares = left, []
        for _ in range(draw(st.integers(1, 8))):
            if not min(most, left):
                break
            most = draw(st.integers(1, min(most, left)))
            left -= most
            shares.append(most)
        places = tuple(shares)
    return Plan("EUR", pool, kind, places, auto_distribute=False)


people_of = st.lists(
    st.builds(Person, user_id=st.uuids(), score=st.integers(0, 6)), max_size=12, unique=True
)
least_scores = st.none() | st.integers(1, 5)
ALL_TIED = [Person(uuid.UUID(int=n), 3) for n in range(1, 8)]


@given(plan=plans(), people=people_of, min_score=least_scores)
@example(Plan("EUR", 100, SplitKind.PERCENT, (60, 30, 10), auto_distribute=False), ALL_TIED, None)
@example(Plan("EUR", 3, SplitKind.EQUAL, None, auto_distribute=False), ALL_TIED, None)
def test_the_split_is_what_the_rules_say(
    plan: Plan, people: list[Person], min_score: int | None
) -> None:
    awards = awards_of(plan, people, min_score)
    assert awards == expected(plan, people, min_score)

    done = shared_out(plan, people, min_score)
    assert sum(awards.values()) + done.remainder == plan.pool
    assert done.total == sum(awards.values())
    assert done.winners == len(awards)
    assert done.remainder >= 0
    for one in people:
        assert awards.get(one, 0) >= 0
        for other in people:
            if one.score > other.score:
                assert awards.get(one, 0) >= awards.get(other, 0)
            if one.score == other.score:
                assert abs(awards.get(one, 0) - awards.get(other, 0)) <= 1


@given(plan=plans(), people=people_of, rows=st.integers(1, 13))
def test_pages_are_the_whole(plan: Plan, people: list[Person], rows: int) -> None:
    done = shared_out(plan, people, None)
    paged = [run for after in range(0, done.winners, rows) for run in done.page(after, rows)]
    places = [(place, run.amount) for run in paged for place in range(run.first, run.last + 1)]
    assert places == [*enumerate(done.amounts(), start=1)]
    assert done.page(done.winners, rows) == []


PERCENT, FIXED, EQUAL = SplitKind.PERCENT, SplitKind.FIXED, SplitKind.EQUAL


@pytest.mark.parametrize(
    ("pool", "kind", "places", "scores", "min_score", "amounts", "remainder"),
    [
        (100000, PERCENT, (60, 30, 10), [9, 8, 7], None, [60000, 30000, 10000], 0),
        (100000, FIXED, (50000, 20000, 10000), [9, 8, 7, 6], None, [50000, 20000, 10000], 20000),
        (100000, EQUAL, None, [9, 8, 7], None, [33334, 33333, 33333], 0),
        (100, PERCENT, (33, 33, 33), [9, 8, 7], None, [33, 33, 33], 1),
        (101, PERCENT, (60, 30, 10), [9, 8, 7], None, [60, 30, 10], 1),
        (100, PERCENT, (60, 40), [9], None, [60], 40),
        (100, PERCENT, (60, 40), [], None, [], 100),
        (100, PERCENT, (60, 40), [0, 0], None, [], 100),
        (100, PERCENT, (60, 40), [9, 4], 5, [60], 40),
        (100, EQUAL, None, [9, 4, 0], 5, [100], 0),
        (100, EQUAL, None, [0, 0], None, [], 100),
        (100, PERCENT, (60, 40), [5, 5, 5], None, [34, 33, 33], 0),
        (100, PERCENT, (50, 30, 20), [9, 5, 5, 5], None, [50, 17, 17, 16], 0),
        (100, PERCENT, (50, 30, 20), [9, 9, 5, 5], None, [40, 40, 10, 10], 0),
        (1, PERCENT, (60, 40), [9, 8], None, [], 1),
        (2, EQUAL, None, [5, 5, 5], None, [1, 1], 0),
        (5, FIXED, (3, 2), [5, 5, 5, 5, 5, 5], None, [1, 1, 1, 1, 1], 0),
    ],
)
def test_some_splits_that_anybody_can_check(
    pool: int,
    kind: SplitKind,
    places: tuple[int, ...] | None,
    scores: list[int],
    min_score: int | None,
    amounts: list[int],
    remainder: int,
) -> None:
    people = [Person(uuid.UUID(int=n), score) for n, score in enumerate(scores, start=1)]
    plan = Plan("EUR", pool, kind, places, auto_distribute=False)
    assert list(awards_of(plan, people, min_score).values()) == amounts
    assert shared_out(plan, people, min_score).remainder == remainder


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_a_minor_unit_is_whatever_the_currency_says(currency: str) -> None:
    """Yen have no decimals and dinars three; the split counts units and knows of neither."""
    people = [Person(uuid.UUID(int=n), 5) for n in (1, 2, 3)]
    plan = Plan(currency, 1000, EQUAL, None, auto_distribute=True)
    assert list(awards_of(plan, people, None).values()) == [334, 333, 333]
