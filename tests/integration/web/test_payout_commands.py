"""`flask --app web payouts …`: what operators do about payouts."""

import csv
import io
import uuid
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Engine

from domain.payouts.states import Action
from domain.redis import Redis
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tests.factories import Factory
from tests.integration.payouts.admins import Admins
from tests.integration.payouts.purse import Purse

S = PayoutStatus


@pytest.fixture
def purse(engine: Engine, factory: Factory) -> Purse:
    return Purse(engine, factory)


class Operator:
    """Somebody with a shell."""

    def __init__(self, app: Flask) -> None:
        self._runner = app.test_cli_runner()

    def run(self, *words: object, code: int = 0, given: str | None = None) -> Result:
        result = self._runner.invoke(args=["payouts", *map(str, words)], input=given)
        assert result.exit_code == code, result.output
        return result


@pytest.fixture
def operator(app: Flask) -> Operator:
    return Operator(app)


def test_the_switch_holds_at_once(operator: Operator, purse: Purse, redis: Redis) -> None:
    purse.distributed([5])
    operator.run("stop", "something is odd")
    assert purse.claim() == []
    assert operator.run("show").output == "stopped: something is odd\n1 pending\n"
    operator.run("resume")
    assert redis.exists("bell:payouts.pay")
    assert len(purse.claim()) == 1
    assert operator.run("show").output == "payouts leave\n1 sending\n"


def test_limits_hold_from_the_next_payout_on(operator: Operator, purse: Purse) -> None:
    operator.run("limit", "EUR", "--per-day", 9)
    purse.distributed([5, 5])
    assert len(purse.claim()) == 1
    operator.run("limit", "EUR", "--per-day", 10, "--per-person-day", 5)
    assert "EUR: at most 10 a day, at most 5 for one person\n" in operator.run("show").output
    assert len(purse.claim()) == 1
    for wrong in ("EU", "eur", "EURO", "12€"):
        operator.run("limit", wrong, code=2)
    operator.run("limit", "EUR", "--per-day", 0, code=2)


BUTTONS = {
    "hold": {S.PENDING: S.HELD, S.HELD: S.HELD, S.FAILED: S.HELD},
    "release": {S.HELD: S.PENDING, S.FAILED: S.PENDING, S.RETURNED: S.PENDING},
    "deny": {S.UNKNOWN: S.PENDING},
    "forfeit": {S.HELD: S.RETURNED, S.FAILED: S.RETURNED, S.RETURNED: S.RETURNED},
}
"""Where each button leads; whatever is not here is refused."""


@pytest.mark.parametrize("button", BUTTONS)
def test_each_button_in_each_state(operator: Operator, purse: Purse, button: str) -> None:
    ids = dict(zip(S, purse.distributed([100] * len(S)), strict=True))
    for status, payout_id in ids.items():
        purse.bring([payout_id], status)
    leads = BUTTONS[button]
    result = operator.run(button, *ids.values(), "--why", "seen by hand", code=1)
    for status, payout_id in ids.items():
        row = purse.row(payout_id)
        assert row.status is leads.get(status, status), status
        assert (row.forfeited_at is not None) is (button == "forfeit" and status in leads)
        refused = f"{payout_id}: It is {status}, so it takes no {button}.\n"
        assert (refused in result.output) is (status not in leads)
        shown = operator.run("show", payout_id).output
        assert ("by operator  seen by hand" in shown) is (status in leads), shown
    if button == "hold":
        assert purse.row(ids[S.PENDING]).hold_reason is HoldReason.OPERATOR
    purse.verify()


def test_what_is_not_there_is_refused(operator: Operator) -> None:
    nobody = uuid.uuid4()
    assert "There is no such payout." in operator.run("release", nobody, code=1).output
    assert "There is no such payout." in operator.run("show", nobody, code=1).output
    operator.run("hold", nobody, code=2)
    operator.run("release", code=2)


def test_what_was_approved_long_ago_is_made_up_for(
    operator: Operator, purse: Purse, redis: Redis
) -> None:
    (payout_id,) = purse.distributed([100])
    late = Admins(purse).approved_of_old(payout_id, 25)
    assert operator.run("adjust", late).output == f"{late} is carried out\n"
    assert redis.exists("bell:payouts.pay")
    assert operator.run("adjust", late).output == f"{late} is carried out already\n"
    nobody = operator.run("adjust", payout_id, late, code=1).output
    assert nobody == f"{payout_id}: There is no such adjustment.\n{late} is carried out already\n"
    assert operator.run("show").output == "payouts leave\n2 pending\n"
    purse.verify()


@pytest.fixture
def listed(purse: Purse) -> list[uuid.UUID]:
    """Three payouts on the manual rail's list, one of them with an evil address."""
    ids = purse.distributed([6000, 3000, 1000])
    purse.bring(ids, S.SENDING)
    for payout_id in ids:
        assert purse.act(payout_id, Action.ACCEPT)
    return ids


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def filled(rows: list[dict[str, str]], outcomes: dict[int, str], **changes: str) -> str:
    """Return a list as it comes back, with outcomes by line."""
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0].keys())
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({**row, "outcome": outcomes.get(number, ""), **changes})
    return file.getvalue()


def test_a_list_goes_out_and_comes_back(
    operator: Operator, purse: Purse, listed: list[uuid.UUID], tmp_path: Path
) -> None:
    purse.distributed([100], rail=RailName.STRIPE)
    path = tmp_path / "list.csv"
    operator.run("export", path)
    rows = rows_of(path.read_text())
    assert [(one["minor_units"], one["amount"], one["currency"]) for one in rows] == [
        ("6000", "60.00", "EUR"),
        ("3000", "30.00", "EUR"),
        ("1000", "10.00", "EUR"),
    ]
    assert [one["rank"] for one in rows] == ["1", "2", "3"]
    path.write_text(filled(rows, {0: "paid", 1: "Returned "}, note="by hand"))
    assert operator.run("confirm", path).output == "2 taken\n"
    assert operator.run("confirm", path).output == "2 known\n"
    assert [purse.row(one).status for one in listed] == [S.PAID, S.RETURNED, S.ACCEPTED]
    assert purse.row(listed[1]).failure_detail == "by hand"
    assert [one["rank"] for one in rows_of(operator.run("export").output)] == ["3"]
    later = filled(rows, {0: "returned", 2: "paid"})
    assert operator.run("confirm", "-", given=later).output == "2 taken\n"
    assert purse.counts() == {"returned": 2, "paid": 1, "pending": 1}
    purse.verify()


def test_lines_that_do_not_fit_change_nothing(
    operator: Operator, purse: Purse, listed: list[uuid.UUID]
) -> None:
    rows = rows_of(operator.run("export").output)
    wrong = filled(rows, {0: "paid"}, minor_units="6001")
    assert "another amount" in operator.run("confirm", "-", given=wrong, code=1).output
    other = filled(rows, {0: "paid"}, currency="USD")
    assert "another amount" in operator.run("confirm", "-", given=other, code=1).output
    stray = filled(rows, {0: "paid"}, reference="payout:somebodys:1")
    assert "no such line" in operator.run("confirm", "-", given=stray, code=1).output
    for text in (filled(rows, {0: "maybe"}), filled(rows, {0: "paid"}, minor_units="60.00"), "a\n"):
        operator.run("confirm", "-", given=text, code=1)
    assert purse.counts() == {"accepted": 3}


def test_a_word_about_an_earlier_attempt_changes_nothing(
    operator: Operator, purse: Purse, listed: list[uuid.UUID]
) -> None:
    rows = rows_of(operator.run("export").output)
    operator.run("confirm", "-", given=filled(rows, {0: "returned"}))
    operator.run("release", listed[0])
    late = operator.run("confirm", "-", given=filled(rows, {0: "paid"}), code=1)
    assert "not so" in late.output
    twice = filled(rows, {1: "paid"}) + filled(rows, {1: "returned"}).partition("\n")[2]
    assert operator.run("confirm", "-", given=twice).output == "2 taken\n"
    assert purse.counts() == {"pending": 1, "returned": 1, "accepted": 1}
    purse.verify()


def test_a_spreadsheet_runs_nothing(operator: Operator, purse: Purse, factory: Factory) -> None:
    won = purse.won([5])
    won.people[0].display_name = "=cmd()"
    factory.session.commit()
    (payout_id,) = purse.distribute(won.competition.id)
    purse.bring([payout_id], S.ACCEPTED)
    (row,) = rows_of(operator.run("export").output)
    assert row["display_name"] == "'=cmd()"
