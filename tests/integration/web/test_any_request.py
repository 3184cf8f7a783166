"""Whatever is asked by whomever, the answer is one of the OpenAPI document, and none is a fault.

Schemathesis makes requests out of the document, right and wrong ones: each by itself, and one after
the other along what earlier answers name. Half of the ids in addresses are of things that exist.
"""

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import BaseSchema, Case, GenerationMode, Response, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as conformance

from domain.redis import Redis
from domain.settings import Settings
from models.api_key import KeyScope
from models.competition import CompetitionStatus, Visibility
from tests.factories import Factory
from tests.integration.web.conftest import SignIn, WithKey
from worker.queues import BEAT_MARK, PROGRESS_MARK, Queue

CHECKS = [
    not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_headers_conformance,
    conformance.response_schema_conformance,
]
STREAMS = "/events$"
"""They have no end; the tests of live things read them."""
STEPS = 15
"""Requests that follow one another."""
FEW = settings(
    max_examples=settings().max_examples // 10,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Callers:
    """Everyone who asks, and what they find."""

    credentials: dict[str, dict[str, str]]
    ids: dict[str, list[str]]
    redis: Redis
    asked: Counter[str] = field(default_factory=Counter)
    """Requests by route."""
    _turns: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, case: Case[Any], who: str) -> Response:
        """Ask, while all workers are busy and the counts of limits begin anew."""
        for key in self.redis.scan_iter("podium*"):
            self.redis.delete(key)
        for mark in (*(f"{PROGRESS_MARK}{queue}" for queue in Queue), BEAT_MARK):
            self.redis.set(mark, int(time.time()))
        self.asked[case.operation.label] += 1
        turn = next(self._turns)
        for name in case.path_parameters if turn % 2 else ():
            if some := self.ids.get(name):
                case.path_parameters[name] = some[turn // 2 % len(some)]
        return case.call(headers=self.credentials[who])


@pytest.fixture
def site_settings(site_settings: Settings, sandbox: str) -> Settings:
    """The same, with vendors that answer."""
    vendors = {"google_token_url": f"{sandbox}/token", "google_revoke_url": f"{sandbox}/revoke"}
    return site_settings.model_copy(update={**vendors, "google_fit_url": sandbox})


@pytest.fixture
def callers(factory: Factory, sign_in: SignIn, with_key: WithKey, redis: Redis) -> Callers:
    """A person, an organiser, an admin and a service, around three competitions."""
    organiser, person, admin = factory.people(3)
    hidden = {"visibility": Visibility.PRIVATE, "invite_code": "code"}
    final = {"status": CompetitionStatus.FINAL}
    made = [factory.competition(organiser, **columns) for columns in ({}, hidden, final)]
    for one in made:
        factory.participant(one, person, 7)
    ids = {
        "competition_id": [str(one.id) for one in made],
        "user_id": [str(person.user_id), str(organiser.user_id)],
        "connection_id": [str(factory.connection(person).id)],
    }
    credentials = {
        "person": sign_in(person).credential(),
        "organiser": sign_in(organiser).credential(),
        "admin": sign_in(admin, app_metadata={"role": "admin"}).credential(),
        "service": with_key(*KeyScope).credential(),
    }
    return Callers(credentials, ids, redis)


@pytest.fixture
def schema(app: Flask) -> BaseSchema:
    """What the document says, but for the credentials, which are real."""
    found = openapi.from_wsgi("/openapi.json", app).exclude(path_regex=STREAMS)
    found.config.generation.update(with_security_parameters=False)
    return found


@pytest.mark.hypothesis
def test_each_by_itself(schema: BaseSchema, callers: Callers) -> None:
    operations: Any = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # the document is valid
    for operation in operations:
        cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        if operation.body or operation.query or operation.path_parameters:
            cases |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @FEW
        @given(case=cases, who=st.sampled_from(list(callers.credentials)))
        def each(case: Case[Any], who: str) -> None:
            case.validate_response(callers.ask(case, who), checks=CHECKS)

        each()
    tell(callers)
    assert len(callers.asked) == len(operations) > 40


@pytest.mark.hypothesis
def test_one_after_the_other(schema: BaseSchema, callers: Callers) -> None:
    turns = itertools.cycle(["organiser", *callers.credentials])
    machine: Any = schema.as_state_machine()
    faults: list[BaseException] = []

    class Sequence(machine):  # type: ignore[misc]  # it is made out of the document
        def call(self, case: Case[Any], **_: Any) -> Response:
            return callers.ask(case, next(turns))

        def validate_response(self, response: Response, case: Case[Any], **_: Any) -> None:
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as fault:
                faults.append(fault)
                raise

    wanted = FEW.max_examples * 10
    while callers.asked.total() < wanted and not faults:
        # Competitions stay between the sequences, so one that begins like another may go on
        # otherwise. Hypothesis takes that for an end; a fault is none.
        with suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(Sequence, settings=FEW)
    tell(callers)
    assert faults == []
    assert len(callers.asked) > 10


def tell(callers: Callers) -> None:
    """Say how much was asked, for `pytest -s`."""
    print(f"{callers.asked.total()} requests of {len(callers.asked)} routes")
