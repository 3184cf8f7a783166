"""`flask --app web board verify|rebuild`."""

import uuid

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from domain.leaderboards.keys import board_key
from domain.redis import Redis
from models import Competition
from models.competition import CompetitionStatus
from tests.factories import Factory
from web.db import Front


@pytest.fixture
def run(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def competition(factory: Factory, run: FlaskCliRunner, redis: Redis) -> Competition:
    """Two people on a board that the command has made."""
    made = factory.competition()
    for score, person in enumerate(factory.people(2)):
        factory.participant(made, person, score)
    answer = run.invoke(args=["board", "rebuild", str(made.id)])
    assert answer.output.startswith(f"{made.id} stands at epoch ")
    assert redis.zcard(board_key(made.id)) == 2
    return made


def test_all_is_right(run: FlaskCliRunner, competition: Competition) -> None:
    answer = run.invoke(args=["board", "verify"])
    assert (answer.exit_code, answer.output) == (0, "1 boards, 0 lines wrong\n")


def test_all_live_boards_are_made_anew(
    run: FlaskCliRunner, competition: Competition, redis: Redis, factory: Factory
) -> None:
    factory.competition(status=CompetitionStatus.FINAL)
    redis.zadd(board_key(competition.id), {str(uuid.uuid4()): -7})
    answer = run.invoke(args=["board", "rebuild"])
    assert (answer.exit_code, answer.output.count(" stands at epoch ")) == (0, 1)
    assert redis.zcard(board_key(competition.id)) == 2


def test_drift_is_shown_and_a_rebuild_mends_it(
    run: FlaskCliRunner, competition: Competition, redis: Redis, front: Front
) -> None:
    stranger = uuid.uuid4()
    redis.zadd(board_key(competition.id), {str(stranger): -7})
    assert front.boards.read_page(competition.id, 0, 1) is None  # its size tells already

    found = run.invoke(args=["board", "verify", str(competition.id)])

    assert found.exit_code == 1
    assert f"{stranger} has None in the table, 7 in Redis" in found.output
    assert run.invoke(args=["board", "rebuild", str(competition.id)]).exit_code == 0
    assert run.invoke(args=["board", "verify", str(competition.id)]).exit_code == 0


def test_what_is_not_live_is_neither_compared_nor_rebuilt(
    run: FlaskCliRunner, competition: Competition, factory: Factory
) -> None:
    competition.status = CompetitionStatus.FINAL
    factory.session.commit()
    compared = run.invoke(args=["board", "verify", str(competition.id)])
    assert (compared.exit_code, "not compared" in compared.output) == (0, True)
    assert compared.output.endswith("0 boards, 0 lines wrong\n")
    for id_ in (competition.id, uuid.uuid4()):
        assert run.invoke(args=["board", "rebuild", str(id_)]).exit_code == 1
