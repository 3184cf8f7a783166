"""Jobs that look whether scores are right."""

import time

import structlog

from domain import clock
from domain.scoring.audit import Audited, audit_page, begin_due
from tasks.fitness import FLUSH
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

LONGEST_SECONDS = 20.0


@task("audits.sweep")
def sweep(self: PodiumTask) -> None:
    """Begin the audits that are due, and go on with those under way for a while."""
    with self.unit() as unit:
        begin_due(unit.session, clock.now())
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end and (page := _audit_page(self)) is not None:
        _tell(page)


def _tell(page: Audited) -> None:
    competition_id = str(page.competition_id)
    if page.people:
        log.error(
            "scores.differed",
            competition_id=competition_id,
            days=[f"{person_id} {day}" for person_id, day in page.days],
            scores=page.scores,
        )
    if len(page.gave_up_on) > 1:
        people = len(page.gave_up_on)
        log.warning("audits.page_halved", competition_id=competition_id, people=people)
    elif page.gave_up_on:
        (person_id,) = page.gave_up_on
        log.error("audits.person_skipped", competition_id=competition_id, person_id=person_id)


def _audit_page(self: PodiumTask) -> Audited | None:
    with self.unit() as unit:
        page = audit_page(unit.session, clock.now())
        if page is not None and page.scores:
            unit.after_commit(lambda: self.doorbell.ring(FLUSH))
    return page
