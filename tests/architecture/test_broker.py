"""A message is found in its own queue and in no other, whatever has happened to the broker."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.redis import Redis
from domain.settings import Settings
from worker.app import make_app
from worker.queues import Queue
from worker.resources import PodiumCelery

SENT = {
    Queue.SYNC: "fitness.sweep",
    Queue.BOARDS: "leaderboards.sweep",
    Queue.COMPETITIONS: "competitions.sweep",
    Queue.PAYOUTS: "payouts.sweep",
    Queue.HOUSEKEEPING: "housekeeping.clean_up",
}


@pytest.fixture
def app(settings: Settings) -> Iterator[PodiumCelery]:
    made = make_app(settings)
    with made:
        yield made


def send(app: PodiumCelery, queue: Queue) -> None:
    app.send_task(SENT[queue])


def waiting(redis: Redis) -> dict[str, int]:
    """Return how many messages wait in each queue that has any."""
    lengths: dict[str, Any] = {queue: redis.llen(f"celery:{queue}") for queue in Queue}
    return {queue: length for queue, length in lengths.items() if length}


def test_all_queues_are_tried() -> None:
    assert SENT.keys() == set(Queue)


@pytest.mark.parametrize("queue", Queue)
def test_a_message_is_in_its_queue_alone(app: PodiumCelery, redis: Redis, queue: Queue) -> None:
    send(app, queue)
    assert waiting(redis) == {queue: 1}


@pytest.mark.parametrize("queue", Queue)
def test_a_flushed_broker_takes_messages_from_a_producer_that_was_there_before(
    app: PodiumCelery, redis: Redis, queue: Queue
) -> None:
    send(app, queue)
    redis.flushall()
    send(app, queue)
    assert waiting(redis) == {queue: 1}


def test_a_reader_that_was_there_before_the_flush_is_given_the_message(
    app: PodiumCelery, redis: Redis
) -> None:
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        for declared in app.amqp.queues.values():
            declared(channel).declare()
        redis.flushall()
        for queue in Queue:
            send(app, queue)
        for queue in Queue:
            message = channel.basic_get(str(queue), no_ack=True)
            assert message is not None, queue
            assert message.headers["task"] == SENT[queue]
    assert waiting(redis) == {}


def test_messages_stand_under_the_prefix_of_the_broker(app: PodiumCelery, redis: Redis) -> None:
    for queue in Queue:
        send(app, queue)
    keys: Any = redis.keys()
    assert {key.decode().partition(":")[0] for key in keys} == {"celery"}
