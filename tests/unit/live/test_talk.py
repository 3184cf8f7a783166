"""What clients say is a message or refused, whatever they say."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.live.messages import Auth, CloseCode, Ping
from web.live.guest import Refusal
from web.live.talk import parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {"type": st.sampled_from(["auth", "ping", "Ping", ""]) | VALUES},
    optional={"token": VALUES, "tokens": VALUES},
)


def outcome(text: str) -> str | int:
    """Return the type of the message that was read, or the code of the refusal."""
    try:
        return parse(text).type
    except Refusal as refusal:
        return refusal.code


def type_of(text: str) -> object:
    """Return the type that a text names; None when it is no JSON, or too deep."""
    try:
        return json.loads(text)["type"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


@given(
    st.text() | NEARLY.map(json.dumps) | VALUES.map(json.dumps),
    st.integers(0, 200),
    st.text(max_size=3),
)
@example("[" * 60_000, 0, "")
@example('{"type":"ping","type":"auth"}', 0, "")
@example('{"type":"auth","token":"\\ud800"}', 0, "")
@example('{"type":"auth","token":"\x00"}', 0, "")
@example('{"type":"ping"}' + " " * 60_000, 0, "")
@example("9" * 60_000, 0, "")
def test_what_is_said_is_a_message_or_refused(said: str, at: int, more: str) -> None:
    for text in (said, said[:at] + more + said[at:]):
        assert outcome(text) in (CloseCode.BAD_MESSAGE, type_of(text))


@given(st.text(min_size=1))
def test_a_message_is_read_as_it_was_said(token: str) -> None:
    assert parse(json.dumps({"type": "auth", "token": token})) == Auth(type="auth", token=token)
    assert parse('{"type":"ping"}') == Ping(type="ping")


@given(VALUES.filter(lambda one: not isinstance(one, str) or not one))
def test_a_token_is_a_text(token: Any) -> None:
    with pytest.raises(Refusal):
        parse(json.dumps({"type": "auth", "token": token}))
