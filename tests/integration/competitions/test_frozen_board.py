"""Boards of finished competitions: the standing shows what the table does, by the same rule."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from domain import clock
from domain.competitions import freezing, frozen_board, rulings
from domain.leaderboards import table
from domain.leaderboards.board import Page
from models import Competition, FormerScore, Participant, RulingKind, StandingBlock
from models.competition import MAX_SCORE, CompetitionStatus
from models.standing import BLOCK_PLACES
from tests.integration.competitions.conftest import Life
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

SCORES = st.lists(st.one_of(st.integers(0, 3), st.integers(0, MAX_SCORE)), max_size=20)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three places a page."""
    monkeypatch.setattr(freezing, "PAGE_ROWS", 3)


def over(life: Life, scores: list[int]) -> tuple[Competition, list[str]]:
    """Make a competition of people with these scores, and bring it to its final standing."""
    competition, users = life.closing(scores)
    life.sweep()
    assert life.status(competition) == "final"
    return competition, users


def disqualify(life: Life, competition: Competition, user_id: str) -> None:
    """Correct what is final, as an admin may."""
    with unit_of_work(life.engine) as unit:
        rulings.rule(
            unit.session,
            competition.id,
            uuid.UUID(user_id),
            RulingKind.DISQUALIFIED,
            "Rode a bicycle.",
            life.factory.person(),
            clock.now(),
            is_admin=True,
        )


def shown(page: Page | None) -> tuple[object, ...]:
    assert page is not None
    return page.rows, page.total, page.status


@ON_SERVERS
@given(scores=SCORES, chosen=st.randoms())
def test_every_view_is_that_of_the_table(
    life: Life, small_pages: None, scores: list[int], chosen: random.Random
) -> None:
    competition, users = over(life, scores)
    for user_id in chosen.sample(users, len(users) // 3):
        disqualify(life, competition, user_id)
    life.sweep()
    some, stranger = chosen.sample(users, len(users) // 2), str(uuid.uuid4())
    with Session(life.engine) as session:
        board = frozen_board.find(session, competition.id)
        assert board is not None
        for start, limit in ((0, 100), (3, 2), (len(scores), 5)):
            page = frozen_board.page(session, board, start, limit)
            assert shown(page) == shown(table.page(session, competition.id, start, limit))
        for user_id in [*users, stranger]:
            around = frozen_board.around(session, board, user_id, 5)
            assert shown(around) == shown(table.around(session, competition.id, user_id, 5))
        for ids in (some, [stranger], []):
            found = frozen_board.users(session, board, ids)
            assert shown(found) == shown(table.users(session, competition.id, ids))
        places = frozen_board.places(session, board, [*users, stranger])
        assert places == table.places(session, competition.id, [*users, stranger])


def test_views_reach_over_the_ends_of_blocks(
    life: Life, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "PAGE_ROWS", BLOCK_PLACES + 500)
    competition = life.over(people=2 * BLOCK_PLACES + 100, highest=100)
    life.sweep()
    board = frozen_board.find(session, competition.id)
    assert board is not None
    blocks = select(func.cardinality(StandingBlock.ranks)).order_by(StandingBlock.first_place)
    assert session.scalars(blocks).all() == [BLOCK_PLACES, 500, 500, 100]
    everyone = table.page(session, competition.id, 0, board.total)
    assert everyone is not None
    assert shown(frozen_board.page(session, board, 0, board.total)) == shown(everyone)
    for end in (BLOCK_PLACES, BLOCK_PLACES + 500, 2 * BLOCK_PLACES, board.total):
        page = frozen_board.page(session, board, end - 2, 4)
        assert shown(page) == shown(table.page(session, competition.id, end - 2, 4))
        ids = [row.user_id for row in everyone.rows[end - 2 : end + 2]]
        assert frozen_board.places(session, board, ids) == table.places(
            session, competition.id, ids
        )


def test_a_correction_shows_when_it_is_whole(life: Life, session: Session) -> None:
    competition, users = over(life, [9, 9, 7])
    disqualify(life, competition, users[0])
    before = frozen_board.find(session, competition.id)
    assert before is not None
    assert frozen_board.places(session, before, users)[users[2]] == (3, 7, 1, 2)
    life.sweep()
    session.rollback()
    after = frozen_board.find(session, competition.id)
    assert after is not None
    assert (before.version, after.version, after.total) == (1, 2, 2)
    assert frozen_board.places(session, after, users)[users[2]] == (2, 7, 1, 2)
    assert frozen_board.around(session, after, users[0], 3).rows == []


def test_people_are_found_by_their_scores_of_then(life: Life, session: Session) -> None:
    competition, users = over(life, [9, 8, 7])
    with unit_of_work(life.engine) as unit:
        after = rulings.revise(
            unit.session, competition.id, "Counted anew.", life.factory.person(), clock.now()
        )
        mine = Participant.user_id == uuid.UUID(users[0])
        person_id = unit.session.scalars(
            update(Participant).where(mine).values(computed=1).returning(Participant.person_id)
        ).one()
        unit.session.add(
            FormerScore(
                competition_id=competition.id,
                person_id=person_id,
                standing_id=after.id,
                computed=9,
                posted=0,
            )
        )
    for rank in (1, 3):
        board = frozen_board.find(session, competition.id)
        assert board is not None
        place = frozen_board.places(session, board, users)[users[0]]
        assert place is not None
        assert place.rank == rank
        life.sweep()
        session.rollback()


def test_only_what_is_over_has_one(life: Life, session: Session) -> None:
    competition = life.over(people=3, status=CompetitionStatus.CLOSING, review_hours=240)
    life.sweep()
    assert life.status(competition) == "provisional"
    assert frozen_board.find(session, competition.id) is None
    assert frozen_board.finished_board(session, competition.id, []) is None
