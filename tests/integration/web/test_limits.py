"""What may be called how often, by one person, from one address, and without Redis."""

import re
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.api_key import KeyScope
from tests.factories import Factory
from tests.integration.web.conftest import Caller, Machine, SignIn, WithKey
from tests.integration.web.test_competitions import wanted
from web.db import Front
from web.limiter import LEFT, POLICY, Limiter
from web.limits import CREATE, EXPORT, STATS, WRONG_KEYS

TABLE = f"/prizes/distribution/{uuid.UUID(int=1)}/payouts.csv"
"""Of no competition: looking in vain counts too."""
STATS_PATH = "/fitness/stats/me"
OFFICE = {"REMOTE_ADDR": "192.0.2.7"}
LEFT_SHAPE = re.compile(r'"(person|address)";r=(\d+);t=(\d+)')


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, (answer.json or {})["code"]


def left(answer: TestResponse) -> int:
    found = LEFT_SHAPE.fullmatch(answer.headers[LEFT])
    assert found, answer.headers[LEFT]
    return int(found[2])


def test_each_answer_says_what_is_left_to_one_person(sign_in: SignIn) -> None:
    caller, most = sign_in(), EXPORT.of_person[0].amount
    answers = [caller.get(TABLE) for _ in range(most)]
    assert [left(answer) for answer in answers] == list(reversed(range(most)))
    policy = '"person";q=10;w=60, "address";q=100;w=60'
    refused = caller.get(TABLE)
    assert refusal(refused) == (429, "rate_limited")
    assert {one.headers[POLICY] for one in [*answers, refused]} == {policy}
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "RateLimit" not in caller.get("/me").headers
    assert sign_in().get(TABLE).status_code == 404


def test_an_address_has_a_limit_of_its_own(sign_in: SignIn) -> None:
    each, most = EXPORT.of_person[0].amount, EXPORT.of_address[0].amount
    people = [sign_in() for _ in range(most // each + 1)]
    for caller in people[:-1]:
        for _ in range(each):
            assert caller.get(TABLE, environ_base=OFFICE).status_code == 404
    last = people[-1]
    assert refusal(last.get(TABLE, environ_base=OFFICE)) == (429, "rate_limited")
    assert last.get(TABLE, environ_base={"REMOTE_ADDR": "192.0.2.8"}).status_code == 404
    assert last.get(TABLE).status_code == 404


def test_all_keys_of_a_service_count_together(with_key: WithKey) -> None:
    keys = [with_key(KeyScope.PRIZES_READ) for _ in range(2)]
    for turn in range(EXPORT.of_person[0].amount):
        assert keys[turn % 2].get(TABLE).status_code == 404
    assert [refusal(key.get(TABLE))[0] for key in keys] == [429, 429]


def test_who_tries_wrong_keys_is_sent_away_and_a_right_one_opens(with_key: WithKey) -> None:
    right = with_key(KeyScope.PRIZES_READ)
    wrong = Machine(right.client, right.documented, f"{right.token}x", right.sub)
    for _ in range(WRONG_KEYS.of_address[0].amount):
        assert refusal(wrong.get(TABLE, environ_base=OFFICE)) == (401, "key_malformed")
    assert refusal(wrong.get(TABLE, environ_base=OFFICE)) == (429, "rate_limited")
    assert right.get(TABLE, environ_base=OFFICE).status_code == 404


@pytest.fixture
def without_redis(front: Front) -> Front:
    """The site, one of four processes whose counts have nowhere to go."""
    front.limiter = Limiter("redis://127.0.0.1:9/0", 4)
    return front


@pytest.mark.usefixtures("without_redis")
def test_without_redis_each_process_has_its_share(sign_in: SignIn) -> None:
    caller = sign_in()
    share = STATS.of_person[0].amount // 4
    assert [caller.get(STATS_PATH).status_code for _ in range(share + 1)] == [200] * share + [429]
    share = CREATE.of_person[0].amount // 4
    made = [caller.post("/competitions", wanted()).status_code for _ in range(share + 1)]
    assert made == [201] * share + [429]


@pytest.mark.usefixtures("without_redis")
def test_without_redis_what_gives_credentials_stays_closed(caller: Caller) -> None:
    grant = {"provider": "google_fit", "server_auth_code": "code"}
    for path, body in (("/fitness/connections", grant), ("/live/tickets", None)):
        answer = caller.post(path, body)
        assert refusal(answer) == (503, "redis_unavailable")
        assert int(answer.headers["Retry-After"]) > 0


def test_redis_is_asked_again_once_it_is_back(
    factory: Factory, sign_in: SignIn, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.limiter.AWAY_SECONDS", 0.0)
    caller, counts = sign_in(factory.person()), front.limiter
    front.limiter = Limiter("redis://127.0.0.1:9/0", 1)
    front.limiter._shared, shared = counts._shared, front.limiter._shared
    assert left(caller.get(STATS_PATH)) == 119
    front.limiter._shared = shared
    assert left(caller.get(STATS_PATH)) == 119
    front.limiter._shared = counts._shared
    assert left(caller.get(STATS_PATH)) == 118


def test_every_limit_is_in_the_document(client: FlaskClient) -> None:
    document: Any = client.get("/openapi.json").json
    limited = [
        (path, answers)
        for path, operations in document["paths"].items()
        for one in operations.values()
        if POLICY in (answers := one["responses"]).get("429", {}).get("headers", {})
    ]
    assert len(limited) >= 16
    for path, answers in limited:
        assert "Retry-After" in answers["429"]["headers"], path
        good = next(answer for status, answer in answers.items() if status < "300")
        assert {POLICY, LEFT} <= good["headers"].keys(), path
