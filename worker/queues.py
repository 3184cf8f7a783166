"""Names of the queues, each read by a worker of its own kind."""

import enum


class Queue(enum.StrEnum):
    """Queues by what waits in them."""

    SYNC = "sync"
    BOARDS = "boards"
    COMPETITIONS = "competitions"
    PAYOUTS = "payouts"
    HOUSEKEEPING = "housekeeping"


PROGRESS_MARK = "progress:"
"""Before a queue's name: the key of the Unix time at which a task of it last ended well."""
BEAT_MARK = "progress:beat"
"""The key of the Unix time at which the leading beat last looked at its schedule."""
WORKER_MARK = "progress-of:"
"""Before a worker's name: the key of the Unix time at which a task of it last ended in any way."""
