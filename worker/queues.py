"""Names of the queues, each read by a worker of its own kind."""

import enum


class Queue(enum.StrEnum):
    """Queues by what waits in them."""

    SYNC = "sync"
    BOARDS = "boards"
    COMPETITIONS = "competitions"
    PAYOUTS = "payouts"
    HOUSEKEEPING = "housekeeping"
