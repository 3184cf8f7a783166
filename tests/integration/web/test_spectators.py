"""A public competition and its winners, for who shows no credential."""

from flask.testing import FlaskClient
from sqlalchemy import Engine

from models.payout import PayoutStatus
from tests.factories import Factory
from tests.integration.payouts.purse import Purse
from tests.integration.web.documented import Documented


def test_without_a_prize(client: FlaskClient, documented: Documented, factory: Factory) -> None:
    made = factory.competition(name="For fun")
    answer = client.get(f"/api/v1/spectators/{made.id}")
    documented.check(answer)
    body = answer.json or {}
    assert (body["name"], body["status"], body["metric"]) == ("For fun", "active", "steps")
    assert (body["prize"], body["winners"]) == (None, None)
    assert "invite_code" not in body


def test_winners_without_what_is_their_own(
    client: FlaskClient, documented: Documented, factory: Factory, engine: Engine
) -> None:
    purse = Purse(engine, factory)
    made = purse.won([60_000, 30_000])
    before = client.get(f"/api/v1/spectators/{made.competition.id}").json or {}
    assert before["winners"] is None
    first, _ = purse.distribute(made.competition.id)
    purse.bring([first], PayoutStatus.PAID)
    answer = client.get(f"/api/v1/spectators/{made.competition.id}")
    documented.check(answer)
    body = answer.json or {}
    assert body["prize"]["pool"] == 90_000
    winners = body["winners"]
    assert (winners["status"], winners["payouts"]) == ("paying", 2)
    assert winners["counts"] == {"paid": 1, "pending": 1}
    assert [(one["rank"], one["amount"], one["status"]) for one in winners["items"]] == [
        (1, 60_000, "paid"),
        (2, 30_000, "pending"),
    ]
    assert set(winners["items"][0]) == {"rank", "display_name", "amount", "currency", "status"}


def test_an_address_may_not_look_without_end(
    client: FlaskClient, documented: Documented, factory: Factory
) -> None:
    path = f"/api/v1/spectators/{factory.competition().id}"
    hall = {"REMOTE_ADDR": "192.0.2.7"}
    answers = [client.get(path, environ_base=hall) for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {200}
    refused = answers[-1]
    documented.check(refused)
    assert (refused.status_code, (refused.json or {})["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) > 0
    elsewhere = client.get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert elsewhere.status_code == 200
