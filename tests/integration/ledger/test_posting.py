"""Movements of money: they balance, they happen once, and a mistake is reversed."""

import threading
import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from domain import clock
from domain.errors import Conflict, NotFound
from domain.ledger.accounts import Account, account_ids
from domain.ledger.balances import balance, balances
from domain.ledger.posting import Movement, post, reverse, transfer
from models import LedgerAccount, LedgerEntry, LedgerTransaction
from models.ledger import TransactionKind
from models.rail import RailName
from tests.factories import Factory
from tests.rules import ON_SERVERS

FUNDING, REMAINDER = Account.funding("EUR"), Account.remainder("EUR")
DEADLINE_SECONDS = 60
PLENTY = 10**15
"""More than a run moves."""


def fund(key: str, amount: int, **more: object) -> Movement:
    entries = transfer(FUNDING, REMAINDER, amount)
    return Movement(TransactionKind.FUND, key, entries, **more)  # type: ignore[arg-type]


class Books:
    """Accounts of every kind, and what they should hold."""

    def __init__(self, session: Session, factory: Factory) -> None:
        self.session = session
        person, competition = factory.person(), factory.competition()
        self.accounts = [
            FUNDING,
            REMAINDER,
            Account.pool("EUR", competition.id),
            Account.payable("EUR", person.id),
            *(Account.clearing("EUR", rail) for rail in RailName),
            *(Account.paid("EUR", rail) for rail in RailName),
        ]
        self.held: Counter[Account] = Counter()
        self.posted: dict[str, tuple[uuid.UUID, Movement]] = {}
        # A payable never falls below zero, so what is taken at random must be there.
        plenty = transfer(FUNDING, Account.payable("EUR", person.id), PLENTY)
        post(session, [Movement(TransactionKind.FUND, f"{person.id}", plenty)], clock.now())
        session.commit()

    def post(self, movements: list[Movement]) -> None:
        """Post, and keep books of our own."""
        ids = post(self.session, movements, clock.now())
        self.session.commit()
        for movement in movements:
            if movement.key not in self.posted:
                self.held.update(movement.entries)
            known = self.posted.setdefault(movement.key, (ids[movement.key], movement))
            assert known == (ids[movement.key], movement)

    def reverse(self, key: str) -> None:
        """Take a movement back."""
        transaction, movement = self.posted[key]
        first = reverse(self.session, transaction, "a mistake", None, clock.now())
        assert reverse(self.session, transaction, "again", None, clock.now()) == first
        self.session.commit()
        if f"reversal:{transaction}" not in self.posted:
            self.held.subtract(movement.entries)
        self.posted.setdefault(f"reversal:{transaction}", (first, movement))


@st.composite
def entries_of(draw: st.DrawFn) -> dict[int, int]:
    """Return amounts by the number of an account, which sum to nothing."""
    numbers = draw(st.lists(st.integers(0, 7), min_size=2, max_size=4, unique=True))
    amount = st.integers(-(10**12), 10**12).filter(bool)
    amounts = draw(st.lists(amount, min_size=len(numbers) - 1, max_size=len(numbers) - 1))
    last = -sum(amounts)
    if not last:
        amounts[0], last = amounts[0] + 10**13, last - 10**13
    return dict(zip(numbers, [*amounts, last], strict=True))


@ON_SERVERS
@given(pages=st.lists(st.lists(entries_of(), max_size=6), min_size=1, max_size=4), data=st.data())
def test_whatever_is_done_balances(
    session: Session, factory: Factory, pages: list[list[dict[int, int]]], data: st.DataObject
) -> None:
    books, run = Books(session, factory), uuid.uuid4()
    before = balances(session, books.accounts)
    for number, page in enumerate(pages):
        movements = [
            Movement(
                data.draw(st.sampled_from([TransactionKind.FUND, TransactionKind.AWARD])),
                f"{run}:{number}:{place}",
                {books.accounts[account]: amount for account, amount in entries.items()},
            )
            for place, entries in enumerate(page)
        ]
        again = [movement for _, movement in books.posted.values()]
        again = [one for one in again if one.kind is not TransactionKind.REVERSAL]
        books.post(movements + (data.draw(st.lists(st.sampled_from(again))) if again else []))
        mistaken = [key for key in books.posted if key.startswith(str(run))]
        for key in data.draw(st.lists(st.sampled_from(mistaken))) if mistaken else []:
            books.reverse(key)

    held = {one: sum_ - before[one] for one, sum_ in balances(session, books.accounts).items()}
    assert held == {one: books.held[one] for one in books.accounts}
    assert session.scalar(select(func.coalesce(func.sum(LedgerEntry.amount), 0))) == 0


def test_a_key_moves_money_once(session: Session) -> None:
    first = post(session, [fund("gift", 5, reason="a gift")], clock.now())
    session.commit()
    assert post(session, [fund("gift", 5, reason="otherwise said")], clock.now()) == first
    assert balance(session, REMAINDER) == 5


@pytest.mark.parametrize(
    "other",
    [
        fund("gift", 6),
        fund("gift", -5),
        Movement(TransactionKind.AWARD, "gift", transfer(FUNDING, REMAINDER, 5)),
        Movement(
            TransactionKind.FUND,
            "gift",
            transfer(Account.funding("SEK"), Account.remainder("SEK"), 5),
        ),
    ],
    ids=["amount", "direction", "kind", "currency"],
)
def test_a_key_moves_nothing_else(session: Session, other: Movement) -> None:
    with pytest.raises(Conflict) as twice:
        post(session, [fund("gift", 5), other], clock.now())
    assert twice.value.code == "ledger_key_reused"
    post(session, [fund("gift", 5)], clock.now())
    session.commit()
    with pytest.raises(Conflict) as later:
        post(session, [fund("gift before", 5), other], clock.now())
    assert later.value.code == "ledger_key_reused"
    session.rollback()
    assert balance(session, REMAINDER) == 5


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({FUNDING: -5, REMAINDER: 4}, "does not balance"),
        ({FUNDING: 0, REMAINDER: 0}, "moves nothing"),
        ({FUNDING: 0}, "moves nothing"),
        ({}, "moves nothing"),
        ({FUNDING: -5, Account.remainder("SEK"): 5}, "mixes currencies"),
    ],
)
def test_what_does_not_balance_is_no_movement(entries: dict[Account, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Movement(TransactionKind.FUND, "gift", entries)


def test_a_reversal_names_what_it_reverses(session: Session, factory: Factory) -> None:
    admin = factory.person()
    gift = post(session, [fund("gift", 5)], clock.now())["gift"]
    reversal = reverse(session, gift, "to the wrong account", admin, clock.now())
    session.commit()
    row = session.get_one(LedgerTransaction, reversal)
    assert (row.reverses_id, row.reason, row.author_id) == (
        gift,
        "to the wrong account",
        admin.id,
    )
    assert balance(session, REMAINDER) == 0
    with pytest.raises(NotFound):
        reverse(session, uuid.uuid4(), "nothing", None, clock.now())


def test_accounts_are_opened_once(session: Session, factory: Factory) -> None:
    books = Books(session, factory)
    first = account_ids(session, books.accounts)
    assert account_ids(session, [*books.accounts, *books.accounts]) == first
    assert len(set(first.values())) == len(books.accounts)
    assert session.scalar(select(func.count()).select_from(LedgerAccount)) == len(first)


@pytest.mark.parametrize("amount", [5, 6], ids=["same", "other"])
def test_two_race_for_one_key(engine: Engine, amount: int) -> None:
    """The second waits for the first, also for the accounts, and then learns what it did."""
    came: list[dict[str, uuid.UUID] | str] = []

    def second() -> None:
        with Session(engine) as other, other.begin():
            try:
                came.append(post(other, [fund("gift", amount)], clock.now()))
            except Conflict as conflict:
                came.append(conflict.code)

    racer = threading.Thread(target=second)
    with Session(engine) as session, session.begin():
        mine = post(session, [fund("gift", 5)], clock.now())
        racer.start()
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        end = clock.now().timestamp() + DEADLINE_SECONDS
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watch:
            while not watch.scalar(waiting):
                assert clock.now().timestamp() < end
    racer.join(DEADLINE_SECONDS)
    assert came == ([mine] if amount == 5 else ["ledger_key_reused"])
