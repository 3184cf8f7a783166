"""The proof finds each kind of fault, and nothing where there is none."""

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.ids import new_id
from domain.ledger.accounts import Account
from domain.ledger.checks import CHECKS, VALUES, Check
from domain.ledger.keys import award_key, step_key
from domain.ledger.posting import Movement, post, reverse, transfer
from domain.ledger.verify import Report, begin, verify
from domain.payouts.adjusting import carry_out
from models import Adjustment, Distribution, LedgerTransaction, Payout, PayoutStep
from models.ledger import TransactionKind
from models.payout import PayoutStatus
from models.rail import RailName
from tests.factories import Factory
from tests.prizes import Won, won

CLEARING = Account.clearing("EUR", RailName.MANUAL)
SENT = """
    status = 'accepted', rail = 'stripe', destination = 'acct_1', reference = 'tr_1',
    sent_at = now(), attempts = 1
"""


class Books:
    """A competition's money, and the proof of it."""

    def __init__(self, engine: Engine, session: Session, won: Won) -> None:
        self.engine, self.session, self.won = engine, session, won

    def distribute(self) -> list[Payout]:
        """Make a payout of each award."""
        now = clock.now()
        released = Distribution(
            id=new_id(), competition_id=self.won.competition.id, requested_at=now, laid_out_at=now
        )
        self.session.add(released)
        self.session.flush()
        payouts = [
            Payout(
                id=new_id(),
                award_id=award.id,
                distribution_id=released.id,
                competition_id=award.competition_id,
                person_id=award.person_id,
                amount=award.amount,
                currency=award.currency,
                status=PayoutStatus.PENDING,
                due_at=now,
                created_at=now,
            )
            for award in self.won.awards
        ]
        self.session.add_all(payouts)
        self.session.commit()
        return payouts

    def move(
        self,
        payout: Payout,
        kind: TransactionKind,
        source: Account,
        target: Account,
        **after: object,
    ) -> None:
        """Let a payout take a step that moves its money, and change its columns."""
        payout.steps += 1
        step = PayoutStep(
            payout_id=payout.id,
            number=payout.steps,
            action="any",
            before=payout.status,
            after=after["status"],
            happened_at=clock.now(),
            attempt=payout.attempts,
            actor="clock",
        )
        self.session.add(step)
        for column, value in after.items():
            setattr(payout, column, value)
        entries = transfer(source, target, payout.amount)
        movement = Movement(kind, step_key(payout.id, payout.steps), entries)
        post(self.session, [movement], clock.now())
        self.session.commit()

    def send(self, payout: Payout) -> None:
        """Move a payout's money to its rail."""
        now = clock.now()
        source = Account.payable("EUR", payout.person_id)
        sent = {"destination": "Erika", "sent_at": now, "unsure_since": now, "attempts": 1}
        after = {"status": PayoutStatus.UNKNOWN, "rail": RailName.MANUAL, **sent}
        self.move(payout, TransactionKind.SEND, source, CLEARING, **after)

    def tamper(self, command: str, **values: object) -> None:
        """Do what triggers refuse."""
        with self.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(command), values)

    def proof(self) -> Report:
        with Session(self.engine) as fresh:
            return verify(fresh)

    def found(self) -> set[Check]:
        return {finding.check for finding in self.proof().findings}


@pytest.fixture
def books(engine: Engine, session: Session, factory: Factory) -> Books:
    """Two winners."""
    return Books(engine, session, won(factory, [70, 30]))


def test_nothing_is_found_where_all_is_right(books: Books) -> None:
    assert books.proof() == Report(3, 4, 2, 0, [])
    first, second = books.distribute()
    books.send(first)
    assert books.proof() == Report(4, 5, 2, 2, [])
    payable, pool = (
        Account.payable("EUR", second.person_id),
        Account.pool("EUR", books.won.competition.id),
    )
    now = clock.now()
    after = {"status": PayoutStatus.RETURNED, "forfeited_at": now}
    books.move(second, TransactionKind.UNCLAIMED, payable, pool, **after)
    assert books.proof() == Report(5, 5, 2, 2, [])


def test_an_approved_adjustment_is_owed(books: Books, factory: Factory) -> None:
    one, other = factory.people(2)
    first = books.distribute()[0]
    made = Adjustment(
        id=new_id(),
        competition_id=first.competition_id,
        person_id=first.person_id,
        amount=80,
        currency="EUR",
        reason="forgotten",
        proposed_at=clock.now(),
        proposed_by=one.id,
        approved_at=clock.now(),
        approved_by=other.id,
    )
    books.session.add(made)
    books.session.commit()
    assert books.found() == {Check.ACCOUNT, Check.ADJUSTMENT}
    entries = transfer(Account.funding("EUR"), Account.payable("EUR", first.person_id), 80)
    key = f"adjustment:{made.id}"
    post(books.session, [Movement(TransactionKind.ADJUSTMENT, key, entries)], clock.now())
    books.session.commit()
    assert books.found() == {Check.ADJUSTMENT}
    carry_out(books.session, made, made.amount, "someone", clock.now())
    books.session.commit()
    assert books.found() == set()
    books.tamper("UPDATE payout SET amount = amount - 1, lowered = 1 WHERE amount = 80")
    assert books.found() == {Check.ADJUSTMENT}


def test_an_entry_that_was_changed_is_found(books: Books) -> None:
    books.tamper("UPDATE ledger_entry SET amount = 71 WHERE amount = 70")
    findings = books.proof().findings
    award = award_key(books.won.awards[0].id)
    payable = f"payable:EUR:{books.won.people[0].id}"
    assert {(one.check, one.subject) for one in findings} == {
        (Check.BALANCE, award),
        (Check.ACCOUNT, payable),
        (Check.AWARD, award),
    }
    assert {one.detail for one in findings} == {
        "2 of 2 entries, which sum to 1",
        "holds 71 and should hold 70",
        "was posted otherwise",
    }


def test_a_reversal_that_is_not_the_opposite_is_found(books: Books) -> None:
    by_key = select(LedgerTransaction.id).where(LedgerTransaction.kind == TransactionKind.AWARD)
    award = books.session.scalars(by_key).first()
    assert award is not None
    reverse(books.session, award, "mistaken", None, clock.now())
    books.session.commit()
    assert Check.REVERSAL not in books.found()
    books.tamper("""
        UPDATE ledger_entry SET amount = sign(amount) FROM ledger_transaction t
        WHERE t.id = transaction_id AND t.reverses_id IS NOT NULL
    """)
    assert books.found() == {Check.REVERSAL, Check.ACCOUNT}


def test_an_award_without_a_payout_is_found(books: Books) -> None:
    books.distribute()
    books.tamper("DELETE FROM payout WHERE amount = 30")
    (finding,) = books.proof().findings
    assert finding.check is Check.AWARD
    assert finding.detail == "has no payout, though its distribution is laid out"


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        ("amount = 31", {Check.AWARD, Check.PAYOUT}),
        ("person_id = :person", {Check.AWARD, Check.PAYOUT}),
        ("status = 'returned', forfeited_at = now()", {Check.ACCOUNT, Check.PAYOUT}),
        (SENT, {Check.ACCOUNT, Check.PAYOUT}),
    ],
    ids=["amount", "person", "forfeited", "sent"],
)
def test_a_payout_that_tells_otherwise_is_found(
    books: Books, change: str, checks: set[Check]
) -> None:
    books.distribute()
    change = f"UPDATE payout SET {change} WHERE amount = 30"  # noqa: S608 - the lines above
    books.tamper(change, person=books.won.people[0].id)
    assert books.found() == checks


def test_money_that_no_row_tells_of_is_found(books: Books) -> None:
    payable = Account.payable("EUR", books.won.people[0].id)
    lost = Movement(TransactionKind.SEND, "by nobody", transfer(payable, CLEARING, 20))
    post(books.session, [lost], clock.now())
    books.session.commit()
    assert [(one.subject, one.detail) for one in books.proof().findings] == [
        ("clearing:EUR:manual", "holds 20 and should hold 0"),
        (f"payable:EUR:{books.won.people[0].id}", "holds 50 and should hold 70"),
    ]


def test_a_pool_that_is_overdrawn_is_found(books: Books) -> None:
    pool = Account.pool("EUR", books.won.competition.id)
    taken = Movement(TransactionKind.POOL_RETURN, "r", transfer(pool, Account.funding("EUR"), 1))
    post(books.session, [taken], clock.now())
    books.session.commit()
    assert books.found() == {Check.ACCOUNT}


@pytest.mark.parametrize("check", Check)
def test_a_check_joins_tables_whole(session: Session, check: Check) -> None:
    """Else its time grows with the square of the payouts."""
    begin(session)
    plan = session.scalars(text(f"EXPLAIN {CHECKS[check].text}"), VALUES).all()
    assert len(plan) > 1
    pairwise = ("Nested Loop", "SubPlan", "Join Filter")
    found = [line for line in plan if any(one in line for one in pairwise)]
    # Each payout meets one place, forfeited or not.
    assert [line for line in found if "forfeited_at" not in line] == []
