"""`/webhooks/stripe`: only what Stripe has signed just now is kept, and each event once."""

import time
from collections.abc import Sequence

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from domain.redis import Redis
from domain.settings import Settings
from models.webhook import WebhookEvent
from tests.integration.web.documented import Documented

OURS, CONNECTED = "whsec_ours", "whsec_connected"
EVENT = {"id": "evt_1", "object": "event", "type": "transfer.created", "data": {"object": {}}}
BODY = orjson.dumps(EVENT)


@pytest.fixture
def site_settings(site_settings: Settings) -> Settings:
    """As everywhere, with a secret for each of Stripe's two ways."""
    return site_settings.model_copy(update={"stripe_webhook_secret": (OURS, CONNECTED)})


@pytest.fixture
def stripe(client: FlaskClient, documented: Documented) -> "Stripe":
    return Stripe(client, documented)


class Stripe:
    """Somebody who sends what may be Stripe's."""

    def __init__(self, client: FlaskClient, documented: Documented) -> None:
        self._client = client
        self._documented = documented

    def send(
        self, body: bytes = BODY, secret: str = OURS, *, age_s: int = 0, signed: bytes | None = None
    ) -> TestResponse:
        said = (body if signed is None else signed).decode()
        at = int(time.time()) - age_s
        return self.post(body, WebhookSignature.generate_signature_header(said, secret, at))

    def post(self, body: bytes, signature: str | None) -> TestResponse:
        headers = {} if signature is None else {"Stripe-Signature": signature}
        answer = self._client.post("/webhooks/stripe", data=body, headers=headers)
        self._documented.check(answer)
        return answer


def kept(session: Session) -> Sequence[WebhookEvent]:
    session.expire_all()
    return session.scalars(select(WebhookEvent)).all()


def test_an_event_is_kept_as_it_came(stripe: Stripe, session: Session, redis: Redis) -> None:
    assert stripe.send().status_code == 204
    (row,) = kept(session)
    assert (row.vendor, row.event_id, row.kind) == ("stripe", "evt_1", "transfer.created")
    assert (row.body, row.processed_at, row.attempts) == (BODY, None, 0)
    assert redis.delete("bell:webhooks.sweep")
    other = orjson.dumps({**EVENT, "type": "transfer.reversed"})
    for again in (BODY, other):
        assert stripe.send(again, CONNECTED).status_code == 204
    assert [one.body for one in kept(session)] == [BODY]
    assert not redis.exists("bell:webhooks.sweep")


def test_what_stripe_has_not_signed_just_now_is_refused(stripe: Stripe, session: Session) -> None:
    header = WebhookSignature.generate_signature_header(BODY.decode(), OURS)
    refused = [
        stripe.post(BODY, None),
        stripe.post(BODY, ""),
        stripe.post(BODY, "t=now,v1=00"),
        stripe.post(BODY, header.replace("v1=", "v0=")),
        stripe.post(BODY, "t=1,v1=é"),
        stripe.post(b"\xff\xfe", header),
        stripe.send(secret="whsec_somebodys"),
        stripe.send(secret="a\x00b"),
        stripe.send(age_s=301),
        stripe.send(signed=BODY + b" "),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json["code"]) == (401, "signature_invalid")  # type: ignore[index]
        assert answer.headers["WWW-Authenticate"].startswith("Signature ")
    assert kept(session) == []
    assert stripe.send(age_s=290).status_code == 204


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"no", b"{}", b'{"object":"event"}'])
def test_what_is_signed_but_no_event_is_refused(
    stripe: Stripe, session: Session, body: bytes
) -> None:
    answer = stripe.send(body)
    assert (answer.status_code, answer.json["code"]) == (400, "event_unreadable")  # type: ignore[index]
    assert kept(session) == []


def test_only_so_much_is_read(stripe: Stripe) -> None:
    padded = orjson.dumps({**EVENT, "padding": "x" * 200_000})
    assert stripe.send(padded).status_code == 204
    assert stripe.send(orjson.dumps({**EVENT, "padding": "x" * 300_000})).status_code == 413


class TestWithoutASecret:
    """Nobody can sign."""

    @pytest.fixture
    def site_settings(self, site_settings: Settings) -> Settings:
        return site_settings.model_copy(update={"stripe_webhook_secret": ()})

    def test_everything_is_refused(self, stripe: Stripe) -> None:
        assert stripe.send(secret="").status_code == 401
