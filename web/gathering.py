"""Questions to Redis that are asked together.

Each alone costs a round trip, and that more processor time than all else in a request. Whoever
comes while others are asking waits, and then one asks for all who have come; alone, nobody waits.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Engine

from domain.leaderboards.names import Names
from domain.leaderboards.store import BoardStore
from domain.redis import Redis

MOST = 64
"""Questions in one, so that Redis has time for others."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class _Asked(Generic[Question, Answer]):
    """A question that waits."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answers: list[Answer] = []
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.answers) or self.error is not None


class Gathering(Generic[Question, Answer]):
    """Asks for many at once. `ask` answers all questions, in their order, or fails for all."""

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]]) -> None:
        self._ask = ask
        self._waiting: deque[_Asked[Question, Answer]] = deque()
        self._turn = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many questions are still to be asked."""
        return len(self._waiting)

    def ask(self, question: Question) -> Answer:
        """Return the answer, read after this call. Raises what `ask` raises."""
        own: _Asked[Question, Answer] = _Asked(question)
        self._waiting.append(own)
        with self._turn:
            while not own.is_done:
                self._ask_together()
        if own.error is not None:
            raise own.error
        return own.answers[0]

    def _ask_together(self) -> None:
        together = [self._waiting[n] for n in range(min(MOST, len(self._waiting)))]
        try:
            answers = self._ask([one.question for one in together])
        except Exception as error:  # noqa: BLE001  everyone who asked raises it
            for one in together:
                one.error = error
        else:
            for one, answer in zip(together, answers, strict=True):
                one.answers.append(answer)
        # Not before: of a greenlet that is killed meanwhile the questions are left to the next one.
        for _ in together:
            self._waiting.popleft()


Look = tuple[list[str], list[Any]]
"""Keys and arguments of the script that reads boards."""


class GatheringBoards(BoardStore):
    """The boards of a process that many ask at once."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.looks: Gathering[Look, Any] = Gathering(self._look_together)

    def _run_read(self, keys: list[str], args: list[Any]) -> Any:
        return self.looks.ask((keys, args))

    def _look_together(self, looks: Sequence[Look]) -> Sequence[Any]:
        if len(looks) == 1:
            return [super()._run_read(*looks[0])]
        with self._redis.pipeline(transaction=False) as pipe:
            for keys, args in looks:
                self._read(keys=keys, args=args, client=pipe)
            return pipe.execute()


class GatheringNames(Names):
    """The names of a process that many ask at once."""

    def __init__(self, redis: Redis, engine: Engine) -> None:
        super().__init__(redis, engine)
        self.lookups: Gathering[Collection[str], dict[str, str]] = Gathering(self._of_all)

    def of(self, user_ids: Collection[str]) -> dict[str, str]:
        """Return the names of at least these people by user id; those unknown are absent."""
        return self.lookups.ask(user_ids)

    def _of_all(self, lookups: Sequence[Collection[str]]) -> Sequence[dict[str, str]]:
        names = super().of([user_id for user_ids in lookups for user_id in user_ids])
        return [names] * len(lookups)
