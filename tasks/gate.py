"""The gate between the queue and a vendor: the budget of calls, and the circuit."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import aiohttp
import structlog
from redis.exceptions import RedisError

from domain import clock
from domain.fitness.budget import Ask, Budget, Limits, OverBudget, Room
from domain.fitness.circuit import Circuit
from domain.fitness.providers.google_fit import LIST_AGAIN_AFTER
from domain.fitness.queue import Claim, Setback
from domain.redis import Redis
from domain.settings import Settings
from models.connection import Provider
from models.sync import SyncReason

log = structlog.get_logger(__name__)

UNKNOWN = timedelta(seconds=5)
"""How long a pull waits when Redis does not say what was spent."""
NO_ANSWER = {"vendor_unavailable", "vendor_slow"}
"""Codes of setbacks in which the vendor said nothing of use."""

_purse: ContextVar["_Purse"] = ContextVar("purse")
"""Of the asyncio task that pulls one person."""


@dataclass
class _Purse:
    ask: Ask
    paid: int
    """Calls that are paid and not made yet."""


class Gate:
    """The gate to Google Fit."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        limits = Limits(
            settings.google_fit_calls_per_minute, settings.google_fit_calls_per_minute_per_person
        )
        self._budget = Budget(redis, Provider.GOOGLE_FIT, limits)
        self._circuit = Circuit(redis, Provider.GOOGLE_FIT)
        self._purses: dict[uuid.UUID, _Purse] = {}
        """By connection, of those who came to pay."""
        self.calls: Counter[str] = Counter()
        """Calls that were made, by HTTP status, or `none` where nothing came back."""

    def room(self, now: datetime) -> Room:
        """Return how many may be pulled; what is not pulled stays due."""
        try:
            room, most = self._budget.room(now), self._circuit.most(now)
        except RedisError as error:
            log.warning("fitness.budget_unknown", error=str(error))
            return Room(0, 0)
        if most is None:
            return room
        return Room(min(room.calls, most), min(room.unasked, most))

    def is_shut(self, now: datetime) -> bool:
        """Say whether the vendor is left alone: somebody may have found out since we paid."""
        try:
            return self._circuit.is_open(now)
        except RedisError as error:
            log.warning("fitness.circuit_unknown", error=str(error))
            return False

    def pay(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[Setback]]:
        """Pay everyone's calls at once; return whose are paid, and who waits.

        Paid one by one, many pulls could begin, spend everything and end for want of their last
        call, again and again.
        """
        if not claims:
            return [], []
        now = clock.now()
        asks = [_ask(one, now) for one in claims]
        self._purses = {
            ask.connection_id: _Purse(replace(ask, calls=1), self._budget.at_once(ask.calls))
            for ask in asks
        }
        try:
            waits = self._budget.take(asks, now)
        except RedisError as error:
            log.warning("fitness.budget_unknown", error=str(error))
            waits = [UNKNOWN] * len(claims)
        pairs = list(zip(claims, waits, strict=True))
        paid = [one for one, wait in pairs if not wait]
        return paid, [held_up(one, wait) for one, wait in pairs if wait]

    def give_back(self, claims: Sequence[Claim]) -> None:
        """Take back what was paid for people who are not pulled now."""
        purses = [self._purses.pop(one.connection_id) for one in claims]
        try:
            self._budget.give_back([replace(one.ask, calls=one.paid) for one in purses])
        except RedisError as error:
            log.warning("fitness.budget_unknown", error=str(error))

    def enter(self, claim: Claim) -> None:
        """Let the present asyncio task call for this person, whose calls are paid."""
        _purse.set(self._purses[claim.connection_id])

    async def each_call(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Pay a call before it is made, unless it is paid: a middleware of aiohttp.

        Raises OverBudget.
        """
        purse = _purse.get()
        if purse.paid:
            purse.paid -= 1
        else:
            await asyncio.to_thread(self._pay_one, purse.ask)
        outcome = "none"
        try:
            answer = await handler(request)
            outcome = str(answer.status)
        finally:
            self.calls[outcome] += 1
        return answer

    def _pay_one(self, ask: Ask) -> None:
        try:
            (wait,) = self._budget.take([ask], clock.now())
        except RedisError as error:
            raise OverBudget("Redis did not answer.", delay=UNKNOWN.total_seconds()) from error
        if wait:
            raise OverBudget("The budget of calls is spent.", delay=wait.total_seconds())

    def tell(self, answered: int, setbacks: Sequence[Setback]) -> None:
        """Let the circuit know how a batch went, in which so many were fetched."""
        failures = sum(one.code in NO_ANSWER for one in setbacks)
        spoke = answered + sum(one.counted and one.code not in NO_ANSWER for one in setbacks)
        try:
            if self._circuit.tell(answered=spoke > 0, failures=failures, now=clock.now()):
                log.error("fitness.vendor_left_alone", failures=failures)
        except RedisError as error:
            log.warning("fitness.circuit_unknown", error=str(error))


def _ask(claim: Claim, now: datetime) -> Ask:
    """Return what a pull takes: a call per stretch, and one more when streams are listed again."""
    listed = claim.streams_listed_at
    stale = listed is None or now - listed >= LIST_AGAIN_AFTER
    return Ask(
        claim.connection_id,
        wished=claim.reason is SyncReason.REQUESTED,
        calls=sum(1 for _ in claim.window.calls()) + stale,
    )


def held_up(claim: Claim, wait: timedelta) -> Setback:
    """Return the setback of someone whose turn has not come, for want of budget or otherwise."""
    return Setback(
        claim, OverBudget.code, "Waits for its turn.", final=False, delay=wait, counted=False
    )
