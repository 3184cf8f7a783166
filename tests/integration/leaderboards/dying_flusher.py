"""A flusher that stops between its script and its commit, and says so.

Arguments: the database's URL, Redis' URL, the competition's id.
"""

import sys
import time
import uuid

from sqlalchemy.orm import Session

from domain import clock
from domain.database import make_engine
from domain.leaderboards.flush import flush_board
from domain.leaderboards.store import BoardStore
from domain.redis import make_redis

database_url, redis_url, competition_id = sys.argv[1:]
with Session(make_engine(database_url, pool_size=1)) as session, session.begin():
    outcome = flush_board(
        session, BoardStore(make_redis(redis_url)), uuid.UUID(competition_id), clock.now()
    )
    print(outcome.value, flush=True)
    time.sleep(600)
