"""`flask --app web board verify|rebuild`."""

import uuid

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import text

from domain import clock
from domain.leaderboards import verify
from tasks.leaderboards import FLUSH
from tasks.mending import rebuild_board, verify_board
from web.db import front

boards = AppGroup("board", help="Boards in Redis.")

_LIVE = text("""
    SELECT id FROM competition
    WHERE status IN ('upcoming', 'active', 'closing', 'provisional') ORDER BY id
""")


@boards.command("verify")
@click.argument("competition_id", type=click.UUID, required=False)
@with_appcontext
def verify_boards(competition_id: uuid.UUID | None) -> None:
    """Compare every live board, or one, with the table, line by line.

    It runs beside the workers. The exit status is 1 if a line is wrong.
    """
    found = [drift for one in _asked_for(competition_id) if (drift := _verify(one)) is not None]
    drift = sum(found)
    front().doorbell.ring(FLUSH)
    click.echo(f"{len(found)} boards, {drift} lines wrong")
    if drift:
        raise click.exceptions.Exit(1)


@boards.command("rebuild")
@click.argument("competition_id", type=click.UUID, required=False)
@with_appcontext
def rebuild(competition_id: uuid.UUID | None) -> None:
    """Make every live board, or one, in Redis anew from the table.

    All of them after PostgreSQL was restored, since Redis may be ahead of it.
    """
    done = [_rebuild(one) for one in _asked_for(competition_id)]
    front().doorbell.ring(FLUSH)
    if not all(done):
        raise click.ClickException("not now: unknown, finished, or being rebuilt already")


def _rebuild(competition_id: uuid.UUID) -> bool:
    here = front()
    reached = rebuild_board(here.unit, here.boards, competition_id, force=True)
    if reached is None:
        click.echo(f"{competition_id}: not rebuilt")
        return False
    click.echo(f"{competition_id} stands at epoch {reached.epoch}, offset {reached.offset}")
    return True


def _asked_for(competition_id: uuid.UUID | None) -> list[uuid.UUID]:
    if competition_id:
        return [competition_id]
    with front().unit() as unit:
        return list(unit.session.scalars(_LIVE))


def _verify(competition_id: uuid.UUID) -> int | None:
    here = front()
    try:
        verdict = verify_board(here.unit, here.boards, competition_id)
    except verify.NotComparable:
        click.echo(f"{competition_id}: not compared, since it is not live or being rebuilt")
        return None
    with here.unit() as unit:
        verify.record(unit.session, verdict, clock.now())
    if verdict.lost:
        click.echo(f"{competition_id}: Redis does not show what the table knows")
    for wrong in verdict.examples:
        click.echo(
            f"{competition_id}: {wrong.user_id} has {wrong.table} in the table,"
            f" {wrong.redis} in Redis"
        )
    return verdict.drift
