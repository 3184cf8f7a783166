"""Implausible data is flagged as it comes in, and counts as far as it was accepted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions.joining import join
from domain.errors import Conflict, NotFound
from domain.ids import new_id
from models import Flag, Participant, PastDecision
from models.competition import CompetitionStatus, Sources
from models.flag import Decision, FlagReason
from models.source import SourceKind
from tests.devices import Device, recount, store
from tests.factories import START, Factory
from tests.integration.scoring.flagged import SHAKEN, Contest, held, phone, watch
from worker.unit import unit_of_work

ACCEPTED, REJECTED, OPEN = Decision.ACCEPTED, Decision.REJECTED, Decision.OPEN


def test_a_flagged_slot_does_not_count(contest: Contest) -> None:
    contest.store(phone({39: 900, 40: SHAKEN, 41: 800}))
    flag = contest.flag()
    assert (flag.reason, flag.decision) == (FlagReason.OVER_MINUTE_CEILING, OPEN)
    assert held(flag) == {40: SHAKEN}
    assert contest.score() == 1700
    assert contest.drops() == {"flagged": SHAKEN * 1000}


def test_what_another_source_has_in_its_place_counts(contest: Contest) -> None:
    contest.store(watch({40: SHAKEN, 41: 500}), phone({40: 700, 41: 600, 42: 90}))
    assert contest.score() == 700 + 500 + 90


def test_a_coarse_source_counts_when_all_of_the_fine_one_is_flagged(contest: Contest) -> None:
    scale = Device(SourceKind.OTHER, {0: 50}, coarse=True)
    contest.store(phone({40: SHAKEN}), ("scale", scale))
    assert contest.score() == 50


def test_a_day_over_its_ceiling_is_flagged_whole(contest: Contest) -> None:
    contest.store(phone(dict.fromkeys(range(48), 3000)))
    assert (contest.flags(), contest.score()) == ([], 144_000)
    contest.store(phone({**dict.fromkeys(range(48), 3000), 90: 1}))
    flag = contest.flag()
    assert (flag.reason, len(held(flag))) == (FlagReason.OVER_DAY_CEILING, 49)
    assert contest.score() == 0


def test_of_two_watches_that_cannot_be_on_one_body_the_lower_counts(contest: Contest) -> None:
    band = ("band", Device(SourceKind.BAND, dict.fromkeys(range(40, 44), 60)))
    contest.store(band, watch(dict.fromkeys(range(40, 44), 1800)))
    flag = contest.flag()
    assert (flag.source, flag.reason) == ("watch", FlagReason.IMPOSSIBLE_OVERLAP)
    assert contest.score() == 240


def test_what_was_typed_is_doubted_only_where_it_counts(
    engine: Engine, contest: Contest, factory: Factory
) -> None:
    everything = factory.competition(contest.organiser, sources=Sources.ALL)
    factory.participant(everything, contest.person)
    contest.store(("phone", Device(SourceKind.PHONE, manual={40: SHAKEN}, unknown={41: SHAKEN})))
    assert contest.flags() == []
    other = Contest(engine, contest.session, contest.organiser, contest.person, everything)
    assert {(str(flag.slot_class), *held(flag)) for flag in other.flags()} == {
        ("manual", 40),
        ("unknown", 41),
    }
    assert other.score() == 0


def test_slots_outside_the_competition_are_nobodys_question(
    engine: Engine, contest: Contest, factory: Factory
) -> None:
    later = factory.competition(contest.organiser, starts_at=START + timedelta(hours=12))
    factory.participant(later, contest.person)
    contest.store(phone({47: SHAKEN}))
    assert len(contest.flags()) == 1
    other = Contest(engine, contest.session, contest.organiser, contest.person, later)
    assert other.flags() == []
    contest.store(phone({47: SHAKEN, 48: SHAKEN}))
    assert held(other.flag()) == {48: SHAKEN}


def test_accepted_it_counts_and_rejected_it_does_not(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    assert contest.decide(contest.flag(), ACCEPTED).scores_changed == 1
    assert (contest.score(), contest.drops()) == (SHAKEN, {})
    assert contest.decide(contest.flag(), REJECTED).scores_changed == 1
    assert contest.score() == 0
    assert contest.drops() == {"flagged": SHAKEN * 1000}
    marks = contest.session.scalar(text("SELECT count(*) FROM board_dirty"))
    assert marks == 2


def test_the_same_answer_twice_is_one_and_another_takes_its_place(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    contest.decide(contest.flag(), ACCEPTED, "A race.")
    first = contest.flag()
    assert contest.decide(first, ACCEPTED, "Again.").scores_changed == 0
    assert contest.session.query(PastDecision).count() == 0
    contest.decide(first, REJECTED, "There was none.")
    flag = contest.flag()
    assert (flag.decision, flag.note) == (REJECTED, "There was none.")
    past = contest.session.query(PastDecision).one()
    assert (past.decision, past.note, past.decided_by) == (
        ACCEPTED,
        "A race.",
        contest.organiser.id,
    )


def test_an_acceptance_covers_what_was_accepted(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    contest.decide(contest.flag(), ACCEPTED)
    contest.store(phone({40: SHAKEN + 500, 41: 100}))
    accepted, again = contest.flags()
    assert (held(accepted), held(again)) == ({40: SHAKEN}, {40: SHAKEN + 500})
    assert (accepted.decision, again.decision) == (ACCEPTED, OPEN)
    assert contest.score() == 100
    contest.store(phone({40: SHAKEN - 100, 41: 100}))
    assert contest.flag().id == accepted.id
    assert contest.score() == SHAKEN
    contest.store(phone({40: SHAKEN, 41: SHAKEN}))
    assert held(contest.flag(OPEN)) == {41: SHAKEN}
    assert contest.score() == SHAKEN


def test_a_rejection_holds_while_the_slot_is_doubted(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    contest.decide(contest.flag(), REJECTED)
    contest.store(phone({40: SHAKEN + 500}))
    assert (contest.flag().decision, held(contest.flag())) == (REJECTED, {40: SHAKEN + 500})
    contest.store(phone({40: 500}))
    assert (contest.score(), held(contest.flag())) == (500, {})
    contest.store(phone({40: SHAKEN}))
    assert (contest.score(), held(contest.flag(OPEN))) == (0, {40: SHAKEN})


def test_a_doubt_goes_with_its_data(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    flag = contest.flag()
    contest.session.expunge(flag)
    contest.store(phone({40: 400}))
    assert (contest.flags(), contest.score()) == ([], 400)
    with pytest.raises(NotFound):
        contest.decide(flag, ACCEPTED)


def test_an_answer_to_what_has_changed_is_refused_if_asked_for(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    seen = contest.flag().changed_at
    contest.store(phone({40: SHAKEN, 41: SHAKEN}))
    with pytest.raises(Conflict) as refused:
        contest.decide(contest.flag(), ACCEPTED, changed_at=seen)
    assert refused.value.code == "flag_changed"
    contest.decide(contest.flag(), ACCEPTED, changed_at=contest.flag().changed_at)
    assert contest.score() == 2 * SHAKEN


@pytest.mark.parametrize("over", [CompetitionStatus.FINAL, CompetitionStatus.CANCELLED])
def test_nothing_is_decided_when_it_is_over(contest: Contest, over: CompetitionStatus) -> None:
    contest.store(phone({40: SHAKEN}))
    flag = contest.flag()
    contest.competition.status = over
    contest.session.commit()
    with pytest.raises(Conflict) as refused:
        contest.decide(flag, ACCEPTED)
    assert refused.value.code == f"competition_{over}"
    assert (contest.score(), contest.flag().decision) == (0, OPEN)


def test_a_late_joiner_is_looked_at_from_the_start(
    engine: Engine, contest: Contest, factory: Factory
) -> None:
    person = factory.person()
    store(engine, person, [phone({40: SHAKEN, 41: 700})])
    with unit_of_work(engine) as unit:
        join(unit.session, person, contest.competition.id, None, clock.now())
    assert (contest.flag().person_id, held(contest.flag())) == (person.id, {40: SHAKEN})
    contest.session.rollback()
    joined = contest.session.get_one(Participant, (contest.competition.id, person.id))
    assert joined.score == 700


def test_the_same_data_again_is_one_flag(contest: Contest) -> None:
    for steps in (SHAKEN, SHAKEN, SHAKEN + 1, SHAKEN):
        contest.store(phone({40: steps}))
    assert held(contest.flag()) == {40: SHAKEN}


def test_writers_who_race_raise_one_flag(contest: Contest) -> None:
    def write(number: int) -> None:
        contest.store(phone({40: SHAKEN + number}), watch({41: SHAKEN, 42: number}))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(12)))
    assert sorted(flag.source for flag in contest.flags()) == ["phone", "watch"]
    with Session(contest.engine) as session:
        assert recount(session, contest.competition.id) == []


def test_two_open_flags_on_the_same_cannot_stand(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    flag = contest.flag()
    columns = {one.key: getattr(flag, one.key) for one in Flag.__mapper__.column_attrs}
    contest.session.add(Flag(**{**columns, "id": new_id()}))
    with pytest.raises(IntegrityError, match="uq_flag_open"):
        contest.session.flush()
    contest.session.rollback()


def test_flags_leave_with_their_participant(contest: Contest) -> None:
    contest.store(phone({40: SHAKEN}))
    contest.session.execute(text("DELETE FROM participant"))
    contest.session.commit()
    assert contest.flags() == []
