"""A sandbox in this process, and the ways in which its clients talk to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sandbox.people import PASSWORD
from sandbox.server import running
from sandbox.world import World

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
BY_HAND, NOT_BY_HAND = "walker-005", "walker-003"


@dataclass
class Visitor:
    """Plain HTTP against one sandbox."""

    url: str
    http: requests.Session

    def control(self, path: str, /, **body: Any) -> Any:
        """POST to the control path with a body, else GET; a refusal raises."""
        method = "POST" if body else "GET"
        answer = self.http.request(method, f"{self.url}/control{path}", json=body or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def act(self, path: str) -> None:
        self.http.post(f"{self.url}/control{path}").raise_for_status()

    def fault(self, kind: str, path: str = "/fitness", **more: Any) -> None:
        self.control("/faults", kind=kind, path=path, **more)

    def token(self, **form: str) -> requests.Response:
        return self.http.post(f"{self.url}/token", data=CLIENT | form)

    def connect(self, person: str, **query: str) -> dict[str, Any]:
        """Consent and exchange the code: the token endpoint's answer."""
        minted = self.http.get(f"{self.url}/control/people/{person}/code", params=query).json()
        answer = self.token(grant_type="authorization_code", code=minted["code"])
        answer.raise_for_status()
        granted: dict[str, Any] = answer.json()
        return granted

    def sign_in(self, email: str, password: str = PASSWORD) -> requests.Response:
        body = {"email": email, "password": password}
        return self.http.post(f"{self.url}/auth/v1/token?grant_type=password", json=body)

    def fit(self, token: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/fitness/v1/users/me/{path}"
        method = "GET" if body is None else "POST"
        return self.http.request(method, url, headers=headers, json=body, params=query, timeout=60)

    def fit_calls(self) -> int:
        total: int = self.control("/calls?path=/fitness")["total"]
        return total


@pytest.fixture
def world() -> World:
    return World(8)


@pytest.fixture
def visitor(world: World) -> Iterator[Visitor]:
    with running(world) as url, requests.Session() as http:
        yield Visitor(url, http)


@pytest.fixture
def token(visitor: Visitor) -> str:
    """An access token for a person who types by hand."""
    access_token: str = visitor.connect(BY_HAND)["access_token"]
    return access_token
