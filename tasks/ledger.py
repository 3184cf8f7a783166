"""The job that proves the ledger."""

import structlog

from domain import clock
from domain.ledger.checking import is_due, record
from domain.ledger.verify import verify
from domain.locks import alone_at
from worker.task import PodiumTask, task

log = structlog.get_logger(__name__)

VERIFY = "ledger.verify_due"


@task(VERIFY)
def verify_due(self: PodiumTask) -> None:
    """Prove the ledger if that was last done an hour ago, and note what was found."""
    with alone_at(self.engine, VERIFY) as alone:
        if alone:
            _verify(self)


def _verify(self: PodiumTask) -> None:
    now = clock.now()
    with self.unit() as unit:
        if not is_due(unit.session, now):
            return
    with self.unit() as unit:
        report = verify(unit.session)
    for one in report.findings:
        log.error("ledger.wrong", check=one.check, subject=one.subject, detail=one.detail)
    with self.unit() as unit:
        record(unit.session, report, now)
