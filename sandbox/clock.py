"""The time that everything in the sandbox goes by."""

import time
from collections.abc import Callable

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
QUARTER_MS = 900_000


class SandboxClock:
    """Real time plus an offset, in whole milliseconds since the epoch (UTC)."""

    def __init__(self, real_s: Callable[[], float] = time.time) -> None:
        self._real_s = real_s
        self.offset_ms = 0

    def now_ms(self) -> int:
        return int(self._real_s() * 1000) + self.offset_ms

    def now_s(self) -> int:
        return self.now_ms() // 1000

    def set_now(self, now_ms: int) -> None:
        """From this moment the clock shows `now_ms` and runs on from there."""
        self.offset_ms += now_ms - self.now_ms()

    def advance(self, seconds: float) -> None:
        self.offset_ms += round(seconds * 1000)
