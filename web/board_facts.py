"""What must be known of a competition before its board is shown, remembered for a second."""

import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from domain.competitions import frozen_board
from domain.competitions.competition import get_visible
from domain.competitions.frozen_board import FrozenBoard
from domain.leaderboards.board import FINISHED
from models.competition import Visibility
from models.slots import Metric
from web.bounded import BoundedMap
from web.people import Caller
from worker.unit import Unit

FRESH_SECONDS = 1.0
REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a competition."""

    competition_id: uuid.UUID
    metric: Metric
    finished: bool
    """Whether it is over, and read from PostgreSQL."""
    frozen: FrozenBoard | None
    """The standing that is read then; one that was cancelled need not have any."""
    until: float


class BoardFacts:
    """Answers whether a caller may see a board."""

    def __init__(self, unit: Callable[[], AbstractContextManager[Unit]]) -> None:
        self._unit = unit
        self._public: BoundedMap[uuid.UUID, Facts] = BoundedMap(REMEMBERED)
        self._private: BoundedMap[tuple[uuid.UUID, int], Facts] = BoundedMap(REMEMBERED)

    def seen_by(self, caller: Caller, competition_id: uuid.UUID) -> Facts:
        """Return the facts. Raises NotFound when this caller may not see the competition."""
        facts = self._public.get(competition_id) or self._private.get(
            (competition_id, caller.person.id)
        )
        if facts is not None and facts.until > time.monotonic():
            return facts
        with self._unit() as unit:
            found = get_visible(
                unit.session, competition_id, caller.person, is_admin=caller.is_admin
            )
            finished = found.status in FINISHED
            frozen = frozen_board.find(unit.session, competition_id) if finished else None
        until = time.monotonic() + FRESH_SECONDS
        facts = Facts(competition_id, found.metric, finished, frozen, until)
        if found.visibility is Visibility.PUBLIC:
            self._public.put(competition_id, facts)
        elif not caller.is_admin:
            self._private.put((competition_id, caller.person.id), facts)
        return facts
