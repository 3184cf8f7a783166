"""What a correction makes of prizes that are on their way: postings that two admins agree on."""

import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import life
from domain.competitions.freezing import unfinished_standings, write_page
from domain.errors import PodiumError
from domain.ledger.accounts import Account
from domain.ledger.balances import balances
from domain.payouts import claims, distributing
from domain.prizes import calculation
from models import Award, Competition, LedgerTransaction, Payout, Person, Transition
from models.competition import CompetitionStatus
from models.ledger import TransactionKind
from models.payout import PayoutStatus
from models.rail import RailName
from tests.factories import Factory
from tests.integration.payouts.purse import account
from tests.integration.prizes.promised import Promised
from tests.integration.web.conftest import Caller, SignIn, WithKey
from tests.integration.web.test_prizes import ADMIN, code, count_of, lay_out, organiser_of
from worker.unit import unit_of_work


@pytest.fixture
def promised(engine: Engine, factory: Factory) -> Promised:
    """Makes final competitions with a prize."""
    return Promised(engine, factory)


@pytest.fixture
def admins(sign_in: SignIn) -> tuple[Caller, Caller]:
    """Two who move money."""
    return sign_in(**ADMIN), sign_in(**ADMIN)


def winners(session: Session, made: Competition) -> list[Person]:
    """Return who was awarded something, the best first."""
    query = select(Person).join(Award, Award.person_id == Person.id)
    ours = query.where(Award.competition_id == made.id)
    return list(session.scalars(ours.order_by(Award.rank, Person.user_id)))


def rewrite(engine: Engine) -> None:
    """Write the versions that are owed."""
    with unit_of_work(engine) as unit:
        for one in unfinished_standings(unit.session, 9):
            write_page(unit.session, one, clock.now())


def test_a_disqualification_after_the_distribution(
    promised: Promised, engine: Engine, session: Session, admins: tuple[Caller, Caller]
) -> None:
    made, (one, other) = promised.final([9, 8, 7, 6]), admins
    before: Any = one.post(f"/prizes/calculate/{made.id}").json
    one.post(f"/prizes/distribute/{made.id}")
    lay_out(engine)
    best, second, third = winners(session, made)
    session.add_all(account(person.id, RailName.MANUAL) for person in (best, second, third))
    session.commit()
    ruled = one.post(
        f"/competitions/{made.id}/participants/{best.user_id}/disqualify", {"reason": "A drill."}
    )
    assert ruled.status_code == 200
    rewrite(engine)
    assert other.post(f"/prizes/calculate/{made.id}").json == before
    with unit_of_work(engine) as unit:
        claims.claim(unit.session, [RailName.MANUAL], 9, clock.now())
    found = {row.person_id: row.status for row in session.scalars(select(Payout))}
    held, sent = PayoutStatus.HELD, PayoutStatus.SENDING
    assert found == {best.id: held, second.id: sent, third.id: sent}

    path = f"/prizes/adjustments/{made.id}"
    listed: Any = one.get(path).json
    missing = {row["user_id"]: row["missing"] for row in listed["differences"]}
    fourth = (set(missing) - {str(row.user_id) for row in (best, second, third)}).pop()
    assert listed["items"] == []
    assert missing == {
        str(best.user_id): -600,
        str(second.user_id): 300,
        str(third.user_id): 200,
        fourth: 100,
    }
    for user_id, amount in missing.items():
        body = {"user_id": user_id, "amount": amount, "reason": "After the drill."}
        proposed: Any = one.post(path, body).json
        assert one.get(path).json["differences"] == listed["differences"]  # type: ignore[index]
        listed = {"differences": [d for d in listed["differences"] if d["user_id"] != user_id]}
        approved: Any = other.post(f"{path}/{proposed['id']}/approve").json
        assert (approved["proposed_by"], approved["approved_by"]) == (str(one.sub), str(other.sub))
    after: Any = one.get(path).json
    assert after["differences"] == []
    assert [row["amount"] for row in after["items"]] == list(missing.values())
    payable = [Account.payable("EUR", row.id) for row in (best, second, third)]
    assert list(balances(session, payable).values()) == [0, 300, 200]
    promised.check_settled(made.id)


def test_nobody_approves_their_own(
    promised: Promised,
    engine: Engine,
    session: Session,
    sign_in: SignIn,
    admins: tuple[Caller, Caller],
) -> None:
    made, (one, other) = promised.final([9]), admins
    path = f"/prizes/adjustments/{made.id}"
    one.post(f"/prizes/calculate/{made.id}")
    (winner,) = winners(session, made)
    wish = {"user_id": str(winner.user_id), "amount": 5, "reason": "Rounding."}
    proposed: Any = one.post(path, wish, key="k")
    assert proposed.status_code == 201
    assert one.post(path, wish, key="k").json == proposed.json
    approve = f"{path}/{proposed.json['id']}/approve"
    assert code(one.post(approve)) == (403, "own_proposal")
    assert code(other.post(approve)) == (409, "prizes_not_distributed")
    one.post(f"/prizes/distribute/{made.id}")
    lay_out(engine)
    start, answers = threading.Barrier(3), list[Any]()

    def act() -> None:
        start.wait()
        answers.append(other.post(approve))

    threads = [threading.Thread(target=act) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert one.post(approve).json == answers[0].json
    kinds = select(LedgerTransaction.key).where(
        LedgerTransaction.kind == TransactionKind.ADJUSTMENT
    )
    assert session.scalars(kinds).all() == [f"adjustment:{proposed.json['id']}"]
    history: Any = sign_in(winner).get("/prizes/history/me").json
    assert [(row["rank"], row["amount"]) for row in history["items"]] == [(1, 5), (1, 600)]
    shown: Any = one.get(f"/prizes/distribution/{made.id}").json
    assert [row["amount"] for row in shown["items"]] == [600, 5]
    assert shown["payouts"] == 2
    promised.check_settled(made.id)


def test_who_may_adjust_and_what(
    promised: Promised,
    session: Session,
    sign_in: SignIn,
    with_key: WithKey,
    admins: tuple[Caller, Caller],
) -> None:
    made, (one, _) = promised.final([9]), admins
    path, nobody = f"/prizes/adjustments/{made.id}", str(uuid.uuid4())
    wish = {"user_id": nobody, "amount": 5, "reason": "Rounding."}
    assert code(one.post(path, wish)) == (409, "prizes_not_calculated")
    assert code(one.get(path)) == (409, "prizes_not_calculated")
    one.post(f"/prizes/calculate/{made.id}")
    assert code(one.post(path, wish)) == (404, "not_a_participant")
    absent = f"/prizes/adjustments/{nobody}"
    assert code(one.post(absent, wish)) == (404, "competition_not_found")
    assert code(one.get(absent)) == (404, "competition_not_found")
    assert code(one.post(f"{path}/{nobody}/approve")) == (404, "adjustment_not_found")
    for wrong in ({"amount": 0}, {"amount": 0.5}, {"reason": " "}, {"user_id": "me"}):
        assert one.post(path, {**wish, **wrong}).status_code == 422
    organiser = sign_in(organiser_of(session, made))
    for refused in (
        organiser.get(path),
        organiser.post(path, wish),
        organiser.post(f"{path}/{nobody}/approve"),
    ):
        assert code(refused) == (403, "not_allowed")
    assert code(with_key().get(path)) == (403, "people_only")


def test_a_final_one_is_not_called_off(
    promised: Promised, session: Session, admins: tuple[Caller, Caller]
) -> None:
    made, (one, _) = promised.final([9, 8, 7]), admins
    one.post(f"/prizes/distribute/{made.id}")
    assert code(one.post(f"/competitions/{made.id}/cancel")) == (409, "competition_final")
    assert count_of(session, Award) == 3
    promised.check_settled(made.id)


def test_cancelling_and_paying_at_once_is_one_of_the_two(
    promised: Promised, engine: Engine, session: Session
) -> None:
    for _ in range(4):
        made = promised.final([9, 8])
        made.status = CompetitionStatus.PROVISIONAL
        session.add(
            Transition(
                competition_id=made.id,
                before=CompetitionStatus.CLOSING,
                after=CompetitionStatus.PROVISIONAL,
                happened_at=clock.now(),
            )
        )
        session.commit()
        run_at_once(engine, made.id)
        session.refresh(made)
        awards = session.scalars(select(Award.id).filter_by(competition_id=made.id)).all()
        pool = Account.pool("EUR", made.id)
        if made.status is CompetitionStatus.CANCELLED:
            assert awards == []
            assert balances(session, [pool]) == {pool: 0}
        else:
            promised.calculate(made.id)
            assert len(promised.awards(made.id)) == 2
            promised.check_settled(made.id)
        session.commit()


def run_at_once(engine: Engine, competition_id: uuid.UUID) -> None:
    """Finish, cancel, calculate and distribute a competition in threads that begin together."""
    start = threading.Barrier(7)

    def act(what: str) -> None:
        start.wait()
        try:
            with unit_of_work(engine) as unit:
                session, now = unit.session, clock.now()
                if what == "cancel":
                    life.cancel(session, competition_id, None, None, now)
                if what in {"advance", "calculate", "distribute"}:
                    life.advance(session, competition_id, now)
                if what in {"calculate", "distribute"}:
                    shared = calculation.begin(session, competition_id, None, now)
                    calculation.write_page(session, competition_id, shared, now)
                if what == "distribute":
                    distributing.distribute(session, competition_id, None, now)
        except PodiumError:
            return

    acts = ["cancel", "advance", "calculate", "distribute", "cancel", "calculate", "distribute"]
    threads = [threading.Thread(target=act, args=(what,)) for what in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
