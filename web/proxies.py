"""Where a request comes from, also when a proxy of our own has passed it on."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from domain.settings import Network

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SCHEMES = ("http", "https")


class Proxies:
    """Believes what trusted proxies say of whom they serve, and nobody else.

    Each proxy appends whom it serves to `X-Forwarded-For`, so it is read from its end, as far as
    those who wrote it are trusted: a client cannot choose what stands there.
    """

    def __init__(self, site: "WSGIApplication", trusted: tuple[Network, ...]) -> None:
        self._site = site
        self._trusted = trusted

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve a request under its client's address and scheme."""
        direct = environ.get("REMOTE_ADDR", "")
        # Through a socket file nobody comes but from this machine.
        if not direct or is_within(direct, self._trusted):
            environ["REMOTE_ADDR"] = self._client(direct, environ.get("HTTP_X_FORWARDED_FOR", ""))
            if (scheme := environ.get("HTTP_X_FORWARDED_PROTO", "")) in SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        return self._site(environ, start_response)

    def _client(self, direct: str, told: str) -> str:
        address = direct
        for hop in reversed(told.split(",")):
            try:
                address = str(ip_address(hop.strip()))
            except ValueError:
                break
            if not is_within(address, self._trusted):
                break
        return address


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address belongs to one of the networks."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks)
