"""When an order may be sent once more."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.payouts.rails.base import may_resend

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "after", "may"),
    [
        (DAY, timedelta(0), True),
        (DAY, DAY / 2 - timedelta(microseconds=1), True),
        (DAY, DAY / 2, False),
        (DAY, 2 * DAY, False),
        (None, 400 * DAY, True),
    ],
)
def test_a_key_is_used_again_within_half_the_window(
    window: timedelta | None, after: timedelta, may: bool
) -> None:
    assert may_resend(window, FIRST, FIRST + after) is may
