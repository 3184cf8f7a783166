"""`/api/v1/fitness/records`: what phones upload."""

from http import HTTPStatus

from domain import clock
from domain.fitness.bells import announce
from domain.fitness.uploads import upload
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.limits import RECORDS
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.records import UploadAnswer, UploadBody

LARGEST_UPLOAD = 1024 * 1024
"""Bytes."""

routes = Routes("fitness")


@routes.route(
    "POST",
    "/fitness/records",
    UploadAnswer,
    status=HTTPStatus.ACCEPTED,
    limit=RECORDS,
    largest=LARGEST_UPLOAD,
    refusals={HTTPStatus.NOT_FOUND: "My account was erased."},
)
def upload_records(caller: Caller, body: UploadBody) -> Reply:
    """Upload records out of Health Connect or HealthKit; a bad record never fails the others.

    Repeating an upload changes nothing. The newer `version`, then the newer `last_modified`,
    stands; a record that has neither is immutable. A deletion is for good, also before the record
    arrives. Each record and each deletion counts once towards the limit.
    """
    with front().unit() as unit:
        done = upload(
            unit.session,
            caller.person.id,
            body.provider,
            body.records,
            body.deletions,
            clock.now(),
        )
        if done.scores_changed:
            unit.after_commit(lambda: front().doorbell.ring("leaderboards.flush"))
        if done.wrote:
            unit.after_commit(lambda: announce(front().redis, [caller.user_id]))
        return keep(unit, reply(UploadAnswer.model_validate(done), HTTPStatus.ACCEPTED))
