"""Pools are shared out as the split says, once, whoever asks and whatever happens."""

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.freezing import begin_standing, write_page
from domain.database import make_engine
from domain.errors import Conflict, PodiumError, Unavailable
from domain.ledger.accounts import Account
from domain.ledger.balances import balance
from domain.payouts import distributing
from domain.prizes import calculation
from domain.prizes.ranking import Ranking
from domain.prizes.split import Plan
from domain.redis import Redis
from domain.waiting import Kind, waiting
from models import Competition, Payout, PrizeCalculation, PrizePlan, Transition
from models.competition import CompetitionStatus
from tasks.settling import Settling
from tests.dying import Step, dies, watch
from tests.integration.prizes.promised import EVERYONE, PODIUM, Promised
from tests.rules import ON_SERVERS
from tests.unit.prizes.test_split import Person, awards_of, board, least_scores, people_of, plans
from worker.resources import PodiumCelery
from worker.unit import Unit, unit_of_work

MOST_SURE = 30
"""Settling those seven awards has at least so many steps."""


@ON_SERVERS
@given(plan=plans(), people=people_of, min_score=least_scores)
def test_awards_are_what_the_split_says(
    promised: Promised, plan: Plan, people: list[Person], min_score: int | None
) -> None:
    expected = awards_of(plan, people, min_score)
    scores = [one.score for one in people]
    amounts = [expected[one] for one in board(people) if one in expected]
    ranks = [1 + sum(other > one.score for other in scores) for one in board(people)]
    made = promised.final(scores, plan, min_score=min_score)
    with promised.unit() as unit:
        now = Ranking(made.id, None)
        shared = now.share(unit.session, plan, min_score)
        looked = [(one.rank, one.amount) for one in now.winners(unit.session, shared)]
        assert shared.total == sum(amounts)
    promised.calculate(made.id)
    assert promised.awards(made.id) == looked
    assert looked == list(zip(ranks, amounts, strict=False))
    promised.check_settled(made.id)


def test_pages_are_gone_on_with(promised: Promised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation, "PAGE_ROWS", 3)
    made = promised.final([5] * 9, EVERYONE)
    with promised.unit() as unit, pytest.raises(Conflict) as refused:
        distributing.distribute(unit.session, made.id, None, clock.now())
    assert refused.value.code == "prizes_not_calculated"
    more: list[bool] = []
    while not more or more[-1]:
        with promised.unit() as unit:
            shared = calculation.begin(unit.session, made.id, None, clock.now())
        with promised.unit() as unit:
            more.append(calculation.write_page(unit.session, made.id, shared, clock.now()))
        with promised.unit() as unit:
            assert len(distributing.unfinished(unit.session, 9)) == (not more[-1])
    assert more == [True, True, False]
    assert [amount for _, amount in promised.awards(made.id)] == [112] * 4 + [111] * 5
    promised.check_settled(made.id)


def test_nothing_to_give_is_settled_too(promised: Promised) -> None:
    for scores in ([], [0, 0]):
        made = promised.final(scores)
        promised.calculate(made.id)
        assert promised.awards(made.id) == []
        promised.check_settled(made.id)
    with Session(promised.engine) as session:
        assert balance(session, Account.funding("EUR")) == 0


def test_calculating_at_once_is_one_effect(
    promised: Promised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calculation, "PAGE_ROWS", 2)
    made = promised.final([9, 9, 8, 7, 6, 6, 5], EVERYONE)
    start = threading.Barrier(5)

    def act() -> None:
        start.wait()
        promised.calculate(made.id)

    threads = [threading.Thread(target=act) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert [amount for _, amount in promised.awards(made.id)] == [144, 144, *[143] * 5]
    promised.check_settled(made.id)


def test_what_does_not_fit_is_refused(promised: Promised) -> None:
    def refusal(competition: Competition) -> str:
        with promised.unit() as unit, pytest.raises(PodiumError) as refused:
            calculation.begin(unit.session, competition.id, None, clock.now())
        return refused.value.code

    plain = promised.factory.competition(status=CompetitionStatus.FINAL)
    assert refusal(plain) == "no_prize"
    made = promised.final([1])
    pool = Account.pool("EUR", made.id)
    for status in set(CompetitionStatus) - {CompetitionStatus.FINAL}:
        made.status = status
        promised.factory.session.commit()
        assert refusal(made) == "competition_not_final"
    made.status = CompetitionStatus.FINAL
    promised.factory.session.commit()
    with promised.unit() as unit:
        plan = unit.session.get_one(PrizePlan, made.id)
        plan.pool += 1
    assert refusal(made) == "pool_not_funded"
    with Session(promised.engine) as session:
        assert balance(session, pool) == PODIUM.pool


def test_a_correction_comes_first_or_too_late(promised: Promised) -> None:
    made = promised.final([9, 8, 7, 6])
    with promised.unit() as unit:
        begun = begin_standing(unit.session, made.id, "corrected", None, clock.now())
    with promised.unit() as unit, pytest.raises(Unavailable):
        calculation.begin(unit.session, made.id, None, clock.now())
    with promised.unit() as unit:
        write_page(unit.session, begun.id, clock.now())
    promised.calculate(made.id)
    with Session(promised.engine) as session:
        assert session.get_one(PrizeCalculation, made.id).standing_id == begun.id
    before = promised.awards(made.id)
    promised.freeze(made.id)
    promised.calculate(made.id)
    assert promised.awards(made.id) == before
    promised.check_settled(made.id)


def test_the_sweep_calculates_and_pays_what_is_owed_once(
    promised: Promised, app: PodiumCelery, redis: Redis
) -> None:
    made = promised.final([9, 8, 7, 6])
    asked = promised.final([5], replace(PODIUM, auto_distribute=False))
    short = promised.final([5])
    with promised.unit() as unit:
        unit.session.get_one(PrizePlan, short.id).pool += 1
    for _ in range(2):
        app.tasks["prizes.settle"]()
    assert redis.exists("bell:payouts.pay")
    app.tasks["payouts.pay"]()
    assert promised.awards(made.id) == [(1, 600), (2, 300), (3, 100)]
    assert promised.awards(asked.id) == [(1, 600)]
    assert promised.awards(short.id) == []
    with Session(promised.engine) as session:
        paid = session.scalars(select(Payout.competition_id)).all()
        assert paid == [made.id] * 3
        sweeping = session.scalars(text("SELECT competition_id FROM prize_calculation")).all()
        assert set(sweeping) == {made.id, asked.id}
    promised.check_settled(made.id)


def test_becoming_final_is_told(promised: Promised, app: PodiumCelery, redis: Redis) -> None:
    made = promised.final([9, 8])
    with promised.unit() as unit:
        unit.session.get_one(Competition, made.id).status = CompetitionStatus.PROVISIONAL
        unit.session.add(
            Transition(
                competition_id=made.id,
                before=CompetitionStatus.CLOSING,
                after=CompetitionStatus.PROVISIONAL,
                happened_at=clock.now(),
            )
        )
    app.tasks["competitions.sweep"]()
    assert redis.exists("bell:prizes.settle")
    assert pools_waiting(promised) == 1
    app.tasks["prizes.settle"]()
    assert promised.awards(made.id) == [(1, 600), (2, 300)]
    assert pools_waiting(promised) == 0


def pools_waiting(promised: Promised) -> int:
    with promised.unit() as unit:
        found = waiting(unit.session, clock.now())
    return next(one.number for one in found if one.kind is Kind.POOL)


def settle_and_die(url: str, steps: int) -> bool:
    """Settle in a process that is killed before its statement or commit number `steps`.

    Return whether it was; else it had fewer, and ended.
    """

    def settle_counting(step: Step) -> None:
        engine = make_engine(url, pool_size=2)
        watch(engine, step)
        settle(lambda: unit_of_work(engine))

    return dies(steps, settle_counting)


def settle(unit: Callable[[], AbstractContextManager[Unit]]) -> None:
    """Do all that is owed."""
    settling = Settling(unit, time.monotonic() + 60)
    while settling.calculate():
        pass


def check_killed_at(promised: Promised, step: int) -> bool:
    """Settle a competition with a death at one step; return whether that step was reached."""
    made = promised.final([5] * 7, EVERYONE)
    url = promised.engine.url.render_as_string(hide_password=False)
    died = settle_and_die(url, step)
    settle(promised.unit)
    assert [amount for _, amount in promised.awards(made.id)] == [144, 144, *[143] * 5]
    promised.check_settled(made.id)
    with promised.unit() as unit:
        assert distributing.get(unit.session, made.id).awards == 7
    return died


def test_killed_at_some_steps(promised: Promised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation, "PAGE_ROWS", 3)
    for step in random.Random(os.getpid()).sample(range(1, MOST_SURE), 3):
        assert check_killed_at(promised, step)


@pytest.mark.soak
def test_killed_at_each_step(promised: Promised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation, "PAGE_ROWS", 3)
    assert next(n for n in count(1) if not check_killed_at(promised, n)) > MOST_SURE
