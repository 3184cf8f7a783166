"""Every score of a competition anew, as many pages at a time as there are sessions for it."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from domain import clock
from domain.scoring.full import pages_after, recompute_page
from worker.unit import Unit


@dataclass(frozen=True)
class Page:
    """What a page did."""

    last: int
    """The person that the next page comes after."""
    changed: int
    """Scores that were not what their slots say."""


def recompute_all(
    units: Callable[[], AbstractContextManager[Unit]],
    competition_id: uuid.UUID,
    *,
    after: int = 0,
    sessions: int,
    changed: Callable[[], None],
) -> Iterator[Page]:
    """Count every day of the people who come after `after`; yield pages in order, all committed.

    `changed` is called after each commit that changed scores. Raises Conflict (`competition_over`).
    """

    def count(people: Sequence[int]) -> Page:
        with units() as unit:
            differed = recompute_page(unit.session, competition_id, people, clock.now())
            if differed:
                unit.after_commit(changed)
        return Page(people[-1], differed)

    with units() as unit:
        pages = pages_after(unit.session, competition_id, after)
    with ThreadPoolExecutor(sessions) as pool:
        yield from pool.map(count, pages)
