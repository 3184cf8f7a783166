"""From where requests are said to come, and whose word on that is taken."""

from ipaddress import ip_network

import pytest
from flask import Flask, request

from web.proxies import Proxies, is_within

TRUSTED = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))


@pytest.mark.parametrize(
    ("direct", "told", "address"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.2", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.3", "198.51.100.7"),
        ("127.0.0.1", "10.0.0.4, 10.0.0.3", "10.0.0.4"),
        ("8.8.8.8", "198.51.100.7", "8.8.8.8"),
        ("192.168.0.2", "198.51.100.7", "192.168.0.2"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7, nonsense", "127.0.0.1"),
        ("", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_address_of_a_client(direct: str, told: str, address: str) -> None:
    assert seen({"REMOTE_ADDR": direct}, {"X-Forwarded-For": told})[0] == address


@pytest.mark.parametrize(
    ("direct", "told", "scheme"),
    [("10.0.0.2", "https", "https"), ("10.0.0.2", "gopher", "http"), ("8.8.8.8", "https", "http")],
)
def test_the_scheme_of_a_client(direct: str, told: str, scheme: str) -> None:
    assert seen({"REMOTE_ADDR": direct}, {"X-Forwarded-Proto": told})[1] == scheme


def test_what_is_no_address_is_nowhere() -> None:
    assert not is_within("a.example", TRUSTED)


def seen(environ: dict[str, str], headers: dict[str, str]) -> tuple[str | None, str]:
    app = Flask(__name__)
    app.wsgi_app = Proxies(app.wsgi_app, TRUSTED)  # type: ignore[method-assign]  # as Flask advises
    found: list[tuple[str | None, str]] = []

    @app.get("/")
    def index() -> str:
        found.append((request.remote_addr, request.scheme))
        return ""

    app.test_client().get("/", environ_base=environ, headers=headers)
    return found[0]
