"""Rebuilding and comparing one board, in short units of work."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import structlog

from domain import clock
from domain.leaderboards import rebuild as rebuilds
from domain.leaderboards import verify
from domain.leaderboards.board import Position
from domain.leaderboards.store import BoardStore
from worker.unit import Unit

log = structlog.get_logger(__name__)

Units = Callable[[], AbstractContextManager[Unit]]


def rebuild_board(
    units: Units, store: BoardStore, competition_id: uuid.UUID, *, force: bool = False
) -> Position | None:
    """Make a board anew if it needs it, or in any case with `force`; None if it was not done.

    Ring for the flush afterwards: marks have gathered meanwhile.
    """
    with units() as unit:
        work = rebuilds.begin(unit.session, store, competition_id, clock.now(), force=force)
    if work is None:
        return None
    reached = None
    try:
        _copy(units, store, work)
        with units() as unit:
            reached = rebuilds.finish(unit.session, store, work)
        outcome = "board.rebuilt" if reached else "board.changed_during_rebuild"
        log.info(outcome, competition_id=str(competition_id), people=work.copied)
    except rebuilds.LeaseLost:
        log.warning("board.rebuild_overtaken", competition_id=str(competition_id))
    finally:
        with units() as unit:
            rebuilds.give_up(unit.session, work)
    return reached


def verify_board(units: Units, store: BoardStore, competition_id: uuid.UUID) -> verify.Verdict:
    """Compare a board with the table, without a word to anyone. Raises NotComparable.

    Ring for the flush afterwards.
    """
    verdict = verify.Verdict(competition_id)
    with units() as unit:
        verify.check_position(unit.session, store, verdict, clock.now())
    while True:
        with units() as unit:
            people = verify.read_page(unit.session, verdict)
        if not people:
            break
        if suspects := verify.differing(store, verdict, people):
            _confirm(units, store, verdict, suspects)
    for members in store.members(competition_id):
        with units() as unit:
            suspects = verify.strangers(unit.session, verdict, members)
        if suspects:
            _confirm(units, store, verdict, suspects)
    return verdict


def _copy(units: Units, store: BoardStore, work: rebuilds.Rebuild) -> None:
    while True:
        with units() as unit:
            lines = rebuilds.read_page(unit.session, work, clock.now())
        if not lines:
            return
        rebuilds.copy_page(store, work, lines)


def _confirm(units: Units, store: BoardStore, verdict: verify.Verdict, suspects: list[str]) -> None:
    with units() as unit:
        verify.confirm(unit.session, store, verdict, suspects, clock.now())
