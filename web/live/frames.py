"""Messages as WebSocket frames: encoded once, sent to everyone."""

from collections.abc import Mapping

import orjson
from wsproto.frame_protocol import FrameProtocol

_server = FrameProtocol(client=False, extensions=[])


def frame(text: bytes) -> bytes:
    """Wrap a JSON text. A server's frames carry no mask, so the same bytes fit every socket."""
    return bytes(_server.send_data(text.decode()))


def message_frame(message: Mapping[str, object]) -> bytes:
    """Encode and wrap a message."""
    return frame(orjson.dumps(message))


def with_field(document: bytes, name: str, value: object) -> bytes:
    """Append a field to an encoded object that has at least one, without decoding it."""
    return document[:-1] + b"," + orjson.dumps({name: value})[1:]
