"""Messages as bytes: encoded once, sent to everyone, whatever they are connected by."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import orjson
from wsproto.frame_protocol import FrameProtocol

_server = FrameProtocol(client=False, extensions=[])


class Frame:
    """One JSON text, wrapped at most once for sockets and at most once for event streams."""

    def __init__(
        self, text: bytes, epoch: str = "", offset: int = -1, traces: Sequence[str] = ()
    ) -> None:
        """With a position, the frame brings a watcher to it. `traces` are what it comes from."""
        self.text = text
        self.epoch = epoch
        self.offset = offset
        self.traces = traces

    @cached_property
    def frame(self) -> bytes:
        """For a WebSocket. A server's frames carry no mask, so the same bytes fit every one."""
        return bytes(_server.send_data(self.text.decode()))

    @cached_property
    def event(self) -> bytes:
        """For an event stream. JSON as orjson writes it has no line ends."""
        at = f"id: {self.epoch}:{self.offset}\n".encode() if self.epoch else b""
        return b"%bdata: %b\n\n" % (at, self.text)


def message_frame(message: Mapping[str, object]) -> Frame:
    """Encode a message."""
    return Frame(orjson.dumps(message))


def with_field(document: bytes, name: str, value: object) -> bytes:
    """Append a field to an encoded object that has at least one, without decoding it."""
    return document[:-1] + b"," + orjson.dumps({name: value})[1:]
