"""Readings: what is refused, and what counts as received."""

from datetime import UTC, datetime

import pytest

from domain.errors import Refused
from domain.fitness.readings import Readings, Stream
from domain.fitness.windows import QUARTER, Window
from models.slots import Metric

START = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
WINDOW = Window(START, START + 4 * QUARTER)


def readings(measured: list[int], manual: list[int]) -> Readings:
    return Readings("google_fit", WINDOW, [Stream(Metric.STEPS, measured, manual)])


def test_received_counts_slots_that_hold_something() -> None:
    assert readings([0, 2, 0, 4], [0, 1, 0, 0]).received == 3


@pytest.mark.parametrize(
    ("measured", "manual"),
    [([1, 2, 3], [0] * 4), ([1, 2, 3, -1], [0] * 4), ([0] * 4, [2**31, 0, 0, 0])],
)
def test_bad_values_are_refused(measured: list[int], manual: list[int]) -> None:
    with pytest.raises(Refused) as refused:
        readings(measured, manual)
    assert refused.value.code == "vendor_bad_data"
