"""Faults on request: what the sandbox does instead of answering properly."""

import random
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count


class FaultKind(StrEnum):
    STATUS = "status"
    """Nothing is done, and an error is answered."""
    DELAY = "delay"
    CUT = "cut"
    """Nothing is done, and nothing is answered."""
    TRUNCATE = "truncate"
    """It is done, and half of the answer arrives."""
    LOSE = "lose"
    """It is done, and nothing is answered."""
    STUMBLE = "stumble"
    """It is done, and an error is answered."""


AFTER_THE_ACT = {FaultKind.DELAY, FaultKind.TRUNCATE, FaultKind.LOSE, FaultKind.STUMBLE}
UNANSWERED = {FaultKind.CUT, FaultKind.LOSE}


@dataclass
class Fault:
    """`path` is a prefix, or a glob if it has a `*`. `left` None means: until it is removed."""

    id: int
    path: str
    kind: FaultKind
    person: str | None = None
    left: int | None = 1
    status: int = 500
    body: str | None = None
    retry_after: str | None = None
    delay_ms: int = 0
    probability: float = 1.0

    def concerns(self, path: str, person: str | None) -> bool:
        if self.left == 0 or self.person not in (None, person):
            return False
        if "*" in self.path:
            return fnmatchcase(path, self.path)
        return path.startswith(self.path)


class Faults:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(f"{seed}/faults")
        self._numbers = count(1)
        self.pending: list[Fault] = []

    def next_id(self) -> int:
        return next(self._numbers)

    def take(self, path: str, person: str | None) -> Fault | None:
        """The fault that this call suffers, used up by one. The oldest wins."""
        for fault in self.pending:
            if fault.concerns(path, person) and self._dice.random() < fault.probability:
                if fault.left is not None:
                    fault.left -= 1
                self.pending = [each for each in self.pending if each.left != 0]
                return fault
        return None
