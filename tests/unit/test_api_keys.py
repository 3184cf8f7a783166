"""The shape of services' keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from domain import api_keys, clock
from models.api_key import KeyScope


def new_key() -> api_keys.NewKey:
    """Make a key in a session that is never flushed."""
    return api_keys.create(Session(), "someone", [KeyScope.SCORES_WRITE], None, clock.now())


KEY = new_key().key


def test_a_key_is_whole_and_begins_with_its_prefix() -> None:
    made = new_key()
    assert api_keys.is_whole(made.key)
    assert made.key.startswith(f"{made.row.prefix}_")
    assert api_keys.prefix_of(made.key) == made.row.prefix
    assert made.row.hash == api_keys.digest(made.key)


def test_a_key_does_not_show_when_it_is_printed() -> None:
    made = new_key()
    assert made.key not in repr(made)
    secret = made.key.removeprefix(made.row.prefix)
    assert secret not in str(vars(made.row))


def test_keys_differ() -> None:
    keys = [new_key() for _ in range(200)]
    assert len({made.key for made in keys}) == len({made.row.prefix for made in keys}) == 200


@given(st.integers(0, len(KEY) - 1), st.sampled_from(api_keys.SIGNS + "_- é\n"))
def test_a_wrong_sign_is_noticed(place: int, sign: str) -> None:
    slip = KEY[:place] + sign + KEY[place + 1 :]
    assert api_keys.is_whole(slip) == (slip == KEY)


@given(st.integers(0, len(KEY) - 2))
def test_two_signs_in_the_wrong_order_are_noticed(place: int) -> None:
    slip = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]
    assert api_keys.is_whole(slip) == (slip == KEY)


@pytest.mark.parametrize(
    "slip",
    [KEY.lower(), KEY.upper(), KEY.swapcase(), KEY[:-1], KEY + "0", f" {KEY}", f"{KEY}\n"],
    ids=["lower", "upper", "swapped", "short", "long", "space", "line"],
)
def test_other_slips_are_noticed(slip: str) -> None:
    assert not api_keys.is_whole(slip)


@given(st.text())
def test_anything_may_come(text: str) -> None:
    assert not api_keys.is_whole(text)
