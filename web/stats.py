"""`/api/v1/fitness/stats`: my own numbers."""

from zoneinfo import ZoneInfo

from domain import clock
from domain.fitness.stats import stats_of
from web.api import Routes
from web.db import front
from web.limits import STATS
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.stats import StatsAnswer, StatsQuery

routes = Routes("stats")


@routes.route(
    "GET",
    "/fitness/stats/<user_id>",
    StatsAnswer,
    limit=STATS,
)
def get(caller: Caller, user_id: str, query: StatsQuery) -> Reply:  # noqa: ARG001  the door reads it
    """Show my days, totals, best days, streak and trend. `me` stands for my id."""
    now = clock.now()
    zone = ZoneInfo(query.tz or caller.person.timezone)
    first, last = query.stretch(now.astimezone(zone).date())
    with front().unit() as unit:
        stats = stats_of(unit.session, caller.person, first, last, zone, now)
    return reply(StatsAnswer.of(caller.user_id, zone.key, first, last, stats))
