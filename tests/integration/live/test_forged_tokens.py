"""Every forged token is refused by the running site, in a request and on a socket."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import PATIENCE_S, Site
from tests.unit.web.issuer import Issuer, serving
from tests.unit.web.test_forged_tokens import FORGED

SOCKET = "/ws/fitness"
LONGEST_HEADER = 8_000
"""Characters; gunicorn refuses a longer one with 431 before anybody reads it."""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """Who signs tokens."""
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def strict(
    issuer: Issuer,
    postgres: EmbeddedPostgres,
    valkey: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A site that trusts only published keys."""
    log = tmp_path_factory.mktemp("strict") / "log"
    started = Site(postgres.url, valkey.url, log, SUPABASE_URL=issuer.url, SUPABASE_JWT_SECRET="")
    yield started
    started.stop()


def asked(site: Site, token: str) -> int:
    """Ask with a token; return the status."""
    url = f"http://127.0.0.1:{site.port}/api/v1/fitness/connections"
    headers = {"Authorization": b"Bearer " + token.encode()}
    return requests.get(url, headers=headers, timeout=PATIENCE_S).status_code


def said(site: Site, token: str) -> int:
    """Say a token on a socket; return the code of its close, or 0 when it stays open.

    Some cannot even be said: what holds half a character is a bad message.
    """
    with site.open(SOCKET) as listener:
        listener.say({"type": "auth", "token": token})
        return listener.ended()


def shown(site: Site, token: str) -> int:
    """Show a token in the head of a socket; return the same."""
    with site.open(SOCKET, token) as listener:
        return listener.ended()


@pytest.mark.usefixtures("engine")
def test_is_refused_everywhere(issuer: Issuer, strict: Site) -> None:
    good = issuer.token()
    assert (asked(strict, good), said(strict, good), shown(strict, good)) == (200, 0, 0)
    passed = {}
    for name, forge in FORGED.items():
        token = forge(issuer)
        heads = token.isascii() and token.isprintable() and 0 < len(token) < LONGEST_HEADER
        ends = [
            asked(strict, token) if heads else 401,
            shown(strict, token) if heads else 4401,
            said(strict, token) if token else 4401,
        ]
        if ends[:2] != [401, 4401] or ends[2] not in {4400, 4401}:
            passed[name] = ends
    assert passed == {}


@pytest.mark.usefixtures("engine")
def test_an_outage_of_the_keys_is_survived(issuer: Issuer, strict: Site) -> None:
    assert asked(strict, issuer.token()) == 200
    issuer.status = 503
    later = issuer.token()
    assert (asked(strict, later), shown(strict, later)) == (200, 0)
