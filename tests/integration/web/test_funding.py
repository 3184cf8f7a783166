"""Prizes that are promised, and money for them before the start."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain import clock
from domain.competitions.life import advance
from domain.ledger.verify import verify
from models.api_key import KeyScope
from tests.integration.web.conftest import Caller, SignIn, WithKey
from tests.integration.web.test_competitions import quarter, wanted
from worker.unit import unit_of_work

ADMIN = {"app_metadata": {"role": "admin"}}
PLAN: dict[str, Any] = {
    "currency": "EUR",
    "pool": 1000,
    "split": {"kind": "percent", "places": [60, 30, 10]},
    "auto_distribute": True,
}
SOON = timedelta(days=1, minutes=1)
"""By then it has started."""


def promised(caller: Caller, **changes: Any) -> str:
    """Make a competition with a prize; return its path."""
    made = caller.post("/competitions", wanted(prize={**PLAN, **changes}))
    assert made.status_code == 201, made.text
    return f"/competitions/{made.json['id']}"  # type: ignore[index]  # an object


def euros(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def moved(engine: Engine) -> list[tuple[str, int]]:
    """Return what went into pools and out of them."""
    query = text(
        "SELECT t.kind, e.amount FROM ledger_entry e JOIN ledger_account k ON k.id = e.account_id"
        " JOIN ledger_transaction t ON t.id = e.transaction_id"
        " WHERE k.kind = 'pool' ORDER BY t.posted_at, t.id"
    )
    with unit_of_work(engine) as unit:
        assert verify(unit.session).findings == []
    with engine.connect() as connection:
        return [(row[0], row[1]) for row in connection.execute(query)]


@pytest.mark.parametrize(
    "split",
    [
        PLAN["split"],
        {"kind": "fixed", "places": [500, 500]},
        {"kind": "equal"},
        {"kind": "percent", "places": [100]},
    ],
)
def test_a_prize_is_shown_as_it_was_promised(caller: Caller, split: Any) -> None:
    prize = {**PLAN, "split": split}
    made: Any = caller.post("/competitions", wanted(prize=prize)).json
    assert (made["prize"], made["funded"], made["review_hours"]) == (prize, False, 24)
    path = f"/competitions/{made['id']}"
    again = caller.call("PATCH", path, json={"prize": made["prize"]})
    assert again.json == made
    hurried: Any = caller.post("/competitions", wanted(prize=prize, review_hours=0)).json
    assert hurried["review_hours"] == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "eur"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"pool": 0}, "pool"),
        ({"pool": 9.5}, "pool"),
        ({"pool": 10**13}, "pool"),
        ({"auto_distribute": None}, "auto_distribute"),
        ({"split": {"kind": "luck"}}, "split"),
        ({"split": {"kind": "equal", "places": [1]}}, "places"),
        ({"split": {"kind": "percent"}}, "places"),
        ({"split": {"kind": "percent", "places": []}}, "places"),
        ({"split": {"kind": "percent", "places": [10, 20]}}, "places"),
        ({"split": {"kind": "percent", "places": [60, 41]}}, "places"),
        ({"split": {"kind": "percent", "places": [50, 0]}}, "places"),
        ({"split": {"kind": "fixed", "places": [600, 401]}}, "places"),
        ({"split": {"kind": "fixed", "places": [1, 2]}}, "places"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    caller: Caller, changes: dict[str, Any], field: str
) -> None:
    answer = caller.post("/competitions", wanted(prize={**PLAN, **changes}))
    problem: Any = answer.json
    assert answer.status_code == 422
    assert field in problem["errors"][0]["loc"]
    path = promised(caller)
    assert caller.call("PATCH", path, json={"prize": {**PLAN, **changes}}).status_code == 422


def test_with_a_prize_nothing_starts_in_the_past(caller: Caller) -> None:
    past = wanted(starts_at=quarter(timedelta(hours=-1)))
    assert caller.post("/competitions", past).status_code == 201
    assert code(caller.post("/competitions", {**past, "prize": PLAN})) == (422, "invalid")
    path = promised(caller)
    copy = caller.post(f"{path}/copy", {"starts_at": past["starts_at"]})
    assert code(copy) == (422, "invalid")


def test_a_pool_is_funded_in_parts(sign_in: SignIn, with_key: WithKey, engine: Engine) -> None:
    organiser, admin = sign_in(), sign_in(**ADMIN)
    path = promised(organiser)
    part = admin.post(f"{path}/fund", euros(400), key="once")
    assert part.status_code == 200
    rest = {"pool": 1000, "held": 400, "missing": 600, "funded": False, "currency": "EUR"}
    assert part.json == {"competition_id": path.split("/")[-1], **rest}
    assert admin.post(f"{path}/fund", euros(400), key="once").json == part.json
    assert organiser.get(path).json["funded"] is False  # type: ignore[index]
    assert code(admin.post(f"{path}/fund", euros(601))) == (409, "pool_overfunded")
    treasury = with_key(KeyScope.PRIZES_WRITE)
    whole: Any = treasury.post(f"{path}/fund", euros(600)).json
    assert (whole["held"], whole["missing"], whole["funded"]) == (1000, 0, True)
    assert code(treasury.post(f"{path}/fund", euros(1))) == (409, "pool_overfunded")
    assert organiser.get(path).json["funded"] is True  # type: ignore[index]
    assert moved(engine) == [("fund", 400), ("fund", 600)]


def test_only_admins_and_services_fund(sign_in: SignIn, with_key: WithKey) -> None:
    organiser, admin = sign_in(), sign_in(**ADMIN)
    path = promised(organiser)
    assert code(organiser.post(f"{path}/fund", euros(1))) == (403, "not_allowed")
    reader = with_key(KeyScope.PRIZES_READ)
    assert code(reader.post(f"{path}/fund", euros(1))) == (403, "scope_missing")
    assert code(admin.post(f"{path}/fund", euros(1, "USD"))) == (422, "invalid")
    for amount in (0, -1, 0.5, "5"):
        assert admin.post(f"{path}/fund", {**euros(1), "amount": amount}).status_code == 422
    nowhere = f"/competitions/{admin.sub}/fund"
    assert code(admin.post(nowhere, euros(1))) == (404, "competition_not_found")
    plain: Any = organiser.post("/competitions", wanted()).json
    assert code(admin.post(f"/competitions/{plain['id']}/fund", euros(1))) == (409, "no_prize")
    with clock.moved(SOON):
        assert code(sign_in(**ADMIN).post(f"{path}/fund", euros(1)))[1] == "competition_started"


def test_money_in_the_pool_binds_the_plan(sign_in: SignIn) -> None:
    organiser, admin = sign_in(), sign_in(**ADMIN)
    path = promised(organiser)
    admin.post(f"{path}/fund", euros(1000))
    for other in (None, {**PLAN, "currency": "USD"}, {**PLAN, "pool": 999}):
        refused = organiser.call("PATCH", path, json={"prize": other})
        assert code(refused) == (409, "prize_funded")
    more: Any = organiser.call("PATCH", path, json={"prize": {**PLAN, "pool": 1500}}).json
    assert (more["funded"], more["rules_version"]) == (False, 2)
    assert admin.post(f"{path}/fund", euros(500)).json["funded"] is True  # type: ignore[index]
    less: Any = organiser.call("PATCH", path, json={"prize": {**PLAN, "pool": 1500}}).json
    assert (less["funded"], less["rules_version"]) == (True, 2)


@pytest.mark.parametrize(
    ("amount", "status", "pool"),
    [
        (1000, "active", [("fund", 1000)]),
        (999, "cancelled", [("fund", 999), ("pool_return", -999)]),
        (0, "cancelled", []),
    ],
)
def test_only_a_covered_pool_lets_it_start(
    sign_in: SignIn, engine: Engine, amount: int, status: str, pool: list[tuple[str, int]]
) -> None:
    path = promised(sign_in())
    if amount:
        sign_in(**ADMIN).post(f"{path}/fund", euros(amount))
    made: Any = sign_in().get(path).json
    with clock.moved(SOON):
        for _ in range(2):
            with unit_of_work(engine) as unit:
                advance(unit.session, made["id"], clock.now())
    found: Any = sign_in().get(path).json
    assert (found["status"], found["funded"]) == (status, status == "active")
    last: Any = sign_in().get(f"{path}/history").json
    reasons = [step["reason"] for step in last["items"] if step["after"] == "cancelled"]
    assert reasons == ["pool_not_funded"] * (status == "cancelled")
    assert moved(engine) == pool


def test_an_uncovered_one_cannot_be_ended_into_its_start(sign_in: SignIn) -> None:
    path = promised(sign_in())
    with clock.moved(SOON):
        ended = sign_in(**ADMIN).post(f"{path}/end")
    assert code(ended) == (409, "competition_not_running")


def test_cancelling_returns_the_pool_once(sign_in: SignIn, engine: Engine) -> None:
    organiser, admin = sign_in(), sign_in(**ADMIN)
    path = promised(organiser)
    admin.post(f"{path}/fund", euros(700))
    for _ in range(2):
        assert organiser.post(f"{path}/cancel").json["funded"] is False  # type: ignore[index]
    assert code(admin.post(f"{path}/fund", euros(300))) == (409, "competition_cancelled")
    assert moved(engine) == [("fund", 700), ("pool_return", -700)]


def test_whoever_funds_and_cancels_at_once_moves_it_once(sign_in: SignIn, engine: Engine) -> None:
    organiser, admin = sign_in(), sign_in(**ADMIN)
    path = promised(organiser)
    admin.post(f"{path}/fund", euros(200))
    start, answers = threading.Barrier(8), list[Any]()

    def act(what: int) -> None:
        start.wait()
        if what % 4 == 0:
            answers.append(organiser.post(f"{path}/cancel"))
        else:
            answers.append(admin.post(f"{path}/fund", euros(400)))

    threads = [threading.Thread(target=act, args=(n,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert {answer.status_code for answer in answers} <= {200, 409}
    pool = moved(engine)
    given = [amount for kind, amount in pool if kind == "fund"]
    assert sum(given) <= 1000
    assert [one for one in pool if one[0] != "fund"] == [("pool_return", -sum(given))]
