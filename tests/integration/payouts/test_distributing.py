"""A competition's awards become payouts, once."""

import pytest
from sqlalchemy import func, select

from domain import clock
from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.payouts import distributing
from models import Award, Payout
from models.competition import CompetitionStatus
from tests.integration.payouts.purse import Purse
from tests.integration.payouts.together import at_once
from worker.unit import Unit


def test_only_a_final_competition_with_stored_awards_pays(purse: Purse) -> None:
    for status in CompetitionStatus:
        competition = purse.factory.competition(status=status)
        with purse.unit() as unit, pytest.raises(Conflict) as refused:
            distributing.distribute(unit.session, competition.id, None, clock.now())
        final = status is CompetitionStatus.FINAL
        code = "prizes_not_calculated" if final else "competition_not_final"
        assert refused.value.code == code
    with purse.unit() as unit, pytest.raises(NotFound):
        distributing.distribute(unit.session, new_id(), None, clock.now())


def test_distributing_at_the_same_time_is_one_distribution(purse: Purse) -> None:
    competition_id = purse.won([70, 20, 10]).competition.id

    def act(unit: Unit) -> object:
        made = distributing.distribute(unit.session, competition_id, None, clock.now())
        distributing.lay_out_page(unit.session, made.distribution.id, clock.now())
        return made.distribution.id

    assert len(set(at_once(purse, [act] * 6))) == 1
    assert purse.counts() == {"pending": 3}
    purse.verify()


def test_pages_are_gone_on_with(purse: Purse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "PAGE_ROWS", 3)
    won = purse.won([10] * 9)
    made: list[int] = []
    seen: list[str] = []
    with purse.unit() as unit:
        begun = distributing.distribute(unit.session, won.competition.id, None, clock.now())
    while not made or made[-1] == 3:
        with purse.unit() as unit:
            made.append(distributing.lay_out_page(unit.session, begun.distribution.id, clock.now()))
        with purse.unit() as unit:
            seen.append(distributing.get(unit.session, won.competition.id).state)
    assert made == [3, 3, 3, 0]
    assert seen == ["preparing", "preparing", "preparing", "paying"]
    with purse.unit() as unit:
        pairs = select(func.count()).select_from(Payout).join(Award, Award.id == Payout.award_id)
        same = pairs.where(Award.person_id == Payout.person_id, Award.amount == Payout.amount)
        assert unit.session.scalar(same) == 9
    purse.verify()


def test_a_page_is_made_by_one_at_a_time(purse: Purse) -> None:
    won = purse.won([10] * 3)
    with purse.unit() as unit:
        begun = distributing.distribute(unit.session, won.competition.id, None, clock.now())
    with purse.unit() as first, purse.unit() as second:
        assert distributing.lay_out_page(first.session, begun.distribution.id, clock.now()) == 3
        assert distributing.lay_out_page(second.session, begun.distribution.id, clock.now()) == 0
