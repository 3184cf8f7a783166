"""What a disqualification, a correction and a call to cancel do to payouts in each state."""

import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import life, rulings
from domain.errors import Conflict
from domain.payouts import claims, held
from domain.payouts.states import Action
from models import Award, Person, RulingKind
from models.payout import HoldReason, PayoutStatus
from models.rail import RailName
from tests.integration.payouts.purse import Purse

S = PayoutStatus
STOPPED = {S.PENDING: HoldReason.DISQUALIFIED, S.HELD: HoldReason.OPERATOR}
"""What a payout of somebody disqualified waits for; all others stay as they are."""


@pytest.fixture
def ids(purse: Purse) -> dict[PayoutStatus, uuid.UUID]:
    """A final competition with a payout in each state."""
    made = dict(zip(S, purse.distributed([100] * len(S)), strict=True))
    for status, payout_id in made.items():
        purse.bring([payout_id], status)
    return made


def rule(purse: Purse, payout_id: uuid.UUID, kind: RulingKind) -> None:
    """Let an admin rule about a payout's winner."""
    row = purse.row(payout_id)
    with purse.unit() as unit:
        winner = unit.session.get_one(Person, row.person_id)
        whose = (row.competition_id, winner.user_id)
        rulings.rule(unit.session, *whose, kind, "seen", winner, clock.now(), is_admin=True)


def pass_by(purse: Purse, looks: int) -> None:
    """Let the clock claim and look, so many looks later."""
    with purse.unit() as unit, clock.moved(looks * held.LOOK_EVERY):
        claims.claim(unit.session, list(RailName), 100, clock.now())
        held.look(unit.session, list(RailName), 100, clock.now())


def test_whoever_is_disqualified_waits_if_it_is_not_sent_yet(
    purse: Purse, ids: dict[PayoutStatus, uuid.UUID]
) -> None:
    for payout_id in ids.values():
        rule(purse, payout_id, RulingKind.DISQUALIFIED)
    assert {status: purse.row(one).status for status, one in ids.items()} == {s: s for s in S}
    pass_by(purse, 1)
    for status, payout_id in ids.items():
        row = purse.row(payout_id)
        assert row.status is (S.HELD if status in STOPPED else status)
        assert row.hold_reason is STOPPED.get(status)
    rule(purse, ids[S.PENDING], RulingKind.REINSTATED)
    pass_by(purse, 2)
    assert purse.row(ids[S.PENDING]).status is S.PENDING
    # An operator who lets one go has looked past what is known.
    assert purse.act(ids[S.FAILED], Action.RELEASE)
    pass_by(purse, 3)
    assert purse.row(ids[S.FAILED]).status is S.SENDING
    purse.verify()


def test_a_correction_and_a_call_to_cancel_change_no_payout(
    purse: Purse, ids: dict[PayoutStatus, uuid.UUID]
) -> None:
    before = {status: purse.row(one) for status, one in ids.items()}
    competition_id = before[S.PAID].competition_id
    with purse.unit() as unit:
        author = unit.session.get_one(Person, before[S.PAID].person_id)
        rulings.revise(unit.session, competition_id, "a correction", author, clock.now())
    with purse.unit() as unit, pytest.raises(Conflict) as refused:
        life.cancel(unit.session, competition_id, None, "off", clock.now())
    assert refused.value.code == "competition_final"
    assert {status: purse.row(one) for status, one in ids.items()} == before
    with Session(purse.engine) as session:
        assert set(session.scalars(select(Award.amount))) == {100}
    purse.verify()
