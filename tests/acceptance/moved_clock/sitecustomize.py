"""Python loads this at its start where this folder is on the path: the test then moves our clock.

Only tests put it there, so nothing of the program itself can move its clock.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from domain import clock

OFFSET = Path(os.environ["MOVED_CLOCK"])
"""Holds the seconds by which the clock is moved."""
real_now = clock.now


def now() -> datetime:
    """Return the present of the test."""
    return real_now() + timedelta(seconds=float(OFFSET.read_text()))


clock.now = now
