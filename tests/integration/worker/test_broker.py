"""A broker that goes away."""

from typing import Any

import pytest
from kombu import Connection, Queue
from kombu.transport import redis as redis_transport

from sandbox.valkey import EmbeddedValkey
from worker.broker import leave_unacked_messages


def close_with_a_message_in_hand(url: str) -> None:
    """Do what kombu does when the connection was lost before a message was acknowledged."""
    with Connection(url) as connection:
        channel: Any = connection.channel()
        queue = Queue("held", routing_key="held")(channel)
        queue.declare()
        channel.basic_publish(channel.prepare_message("x"), "", "held")
        assert queue.get(no_ack=False) is not None
        channel.connection.client = None
        channel.close()


def test_the_library_stumbles_over_a_lost_connection(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When this fails, kombu has mended it and `leave_unacked_messages` can go."""
    monkeypatch.setattr(redis_transport.QoS, "restore_at_shutdown", True)
    with pytest.raises(AttributeError, match="hostname"):
        close_with_a_message_in_hand(valkey.url)


def test_we_do_not(valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_transport.QoS, "restore_at_shutdown", True)
    leave_unacked_messages()
    close_with_a_message_in_hand(valkey.url)
    assert not redis_transport.QoS.restore_at_shutdown
