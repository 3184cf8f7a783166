"""An operator who says that nothing was paid, and a rail that may know better."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain import clock
from domain.errors import Conflict
from domain.payouts.outcomes import ASK_AFTER
from domain.payouts.rails.base import Listed, NotThere, Order, OutcomeUnknown, Sent
from domain.payouts.rails.manual import ManualRail
from domain.payouts.states import Action
from models.payout import PayoutStatus
from models.rail import RailName
from tasks.denying import Denying
from tests.integration.payouts.purse import Purse

S = PayoutStatus


@dataclass
class Knowing:
    """A rail that answers as it is told to."""

    said: Sent | NotThere | Exception
    name: RailName = RailName.STRIPE
    window: timedelta | None = None

    def send(self, order: Order) -> Sent:
        pytest.fail("a denial sends nothing")

    def look_up(self, order: Order) -> Sent | NotThere:
        assert order.key.endswith(":1")
        if isinstance(self.said, Exception):
            raise self.said
        return self.said

    def transfers(self, since: datetime, until: datetime) -> Iterator[Listed]:
        pytest.fail("a denial asks for one order, not for a list")


def lose(purse: Purse) -> uuid.UUID:
    """Send a payout to the Stripe rail and lose the answer."""
    (payout_id,) = purse.distributed([100], rail=RailName.STRIPE)
    purse.claim()
    assert purse.act(payout_id, Action.LOSE)
    return payout_id


@pytest.fixture
def doubtful(purse: Purse) -> Iterator[uuid.UUID]:
    """A payout of which nobody knows what became, and that could be on the rail's list by now."""
    payout_id = lose(purse)
    with clock.moved(ASK_AFTER):
        yield payout_id


def refusal(purse: Purse, rails: dict[RailName, Knowing], payout_id: uuid.UUID) -> str:
    with pytest.raises(Conflict) as caught:
        Denying(purse.unit, rails).deny(payout_id, "seen")
    return caught.value.code


def test_a_rail_that_has_it_is_believed(purse: Purse, doubtful: uuid.UUID) -> None:
    rails = {RailName.STRIPE: Knowing(Sent("tr_1", settled=True))}
    assert refusal(purse, rails, doubtful) == "rail_has_it"
    row = purse.row(doubtful)
    assert (row.status, row.reference) == (S.PAID, "tr_1")
    assert refusal(purse, rails, doubtful) == "payout_not_so"
    purse.verify()


@pytest.mark.parametrize("rails", [{RailName.STRIPE: Knowing(OutcomeUnknown("cut"))}, {}])
def test_what_cannot_be_asked_is_not_denied(
    purse: Purse, doubtful: uuid.UUID, rails: dict[RailName, Knowing]
) -> None:
    before = purse.row(doubtful)
    assert refusal(purse, rails, doubtful) == "rail_not_asked"
    assert purse.row(doubtful) == before


def test_a_rail_is_not_believed_before_it_can_have_listed_it(purse: Purse) -> None:
    payout_id = lose(purse)
    rails = {RailName.STRIPE: Knowing(NotThere())}
    before = purse.row(payout_id)
    with clock.moved(ASK_AFTER / 2):
        assert refusal(purse, rails, payout_id) == "rail_asked_too_soon"
        assert purse.row(payout_id) == before
    with clock.moved(ASK_AFTER):
        assert purse.act(payout_id, Action.RESEND)
        assert purse.act(payout_id, Action.LOSE)
        assert refusal(purse, rails, payout_id) == "rail_asked_too_soon"
    with clock.moved(2 * ASK_AFTER):
        assert Denying(purse.unit, rails).deny(payout_id, "seen").status is S.PENDING
    purse.verify()


def test_what_the_rail_has_not_is_sent_again_once(purse: Purse, doubtful: uuid.UUID) -> None:
    rails = {RailName.STRIPE: Knowing(NotThere())}
    assert Denying(purse.unit, rails).deny(doubtful, "seen").status is S.PENDING
    assert refusal(purse, rails, doubtful) == "payout_not_so"
    (claim,) = purse.claim()
    assert claim.order.key == f"payout:{doubtful}:2"
    purse.verify()


def test_what_is_sent_again_while_the_rail_is_asked_is_not_denied(
    purse: Purse, doubtful: uuid.UUID
) -> None:
    class Slow(Knowing):
        def look_up(self, order: Order) -> Sent | NotThere:
            assert purse.act(doubtful, Action.RESEND)
            assert purse.act(doubtful, Action.LOSE)
            return super().look_up(order)

    assert refusal(purse, {RailName.STRIPE: Slow(NotThere())}, doubtful) == "payout_not_so"
    row = purse.row(doubtful)
    assert (row.status, row.attempts) == (S.UNKNOWN, 1)


def test_of_a_list_of_ours_the_human_word_stands(purse: Purse) -> None:
    (payout_id,) = purse.distributed([100])
    purse.bring([payout_id], S.UNKNOWN)
    rails = {RailName.MANUAL: ManualRail()}
    assert Denying(purse.unit, rails).deny(payout_id, "nobody did").status is S.PENDING
    purse.verify()
