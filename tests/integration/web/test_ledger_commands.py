"""`flask --app web ledger verify`."""

from flask import Flask

from domain import clock
from domain.ledger.accounts import Account
from domain.ledger.posting import Movement, post, transfer
from models.ledger import TransactionKind
from tests.factories import Factory
from tests.prizes import won


def test_the_books_are_proved(app: Flask, factory: Factory) -> None:
    person = won(factory, [70, 30]).people[0]
    run = app.test_cli_runner()
    right = run.invoke(args=["ledger", "verify"])
    assert right.exit_code == 0
    assert right.output == "3 transactions, 4 accounts, 2 awards, 0 payouts; 0 findings\n"

    payable = Account.payable("EUR", person.id)
    entries = transfer(payable, Account.funding("EUR"), 20)
    post(factory.session, [Movement(TransactionKind.SEND, "lost", entries)], clock.now())
    factory.session.commit()
    wrong = run.invoke(args=["ledger", "verify"])
    assert wrong.exit_code == 1
    assert f"account: payable:EUR:{person.id} holds 50 and should hold 70\n" in wrong.output
