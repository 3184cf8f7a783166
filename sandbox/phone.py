"""One person's app: signs in at Supabase and calls Podium's REST API, as a user's phone does."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.people import PASSWORD

TIMEOUT_S = 15.0
RENEW_BEFORE_S = 60.0


class Refused(RuntimeError):
    """Podium or Supabase answered with an error; `retry_after` is in seconds, 0 when not given."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(
            f"{response.request.method} {response.request.path_url}: "
            f"{response.status_code} {response.text[:300]}"
        )
        self.status = response.status_code
        after = response.headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isdecimal() else 0.0


@dataclass(frozen=True)
class Owner:
    """Whose phone it is, as the sandbox lists people."""

    id: str
    sub: str
    email: str
    display_name: str
    timezone: str


@dataclass(frozen=True)
class Places:
    """Where Podium and Supabase are."""

    podium: str
    supabase: str


class Phone:
    """Keeps one session and its tokens; renews them before they expire. Not for several threads."""

    def __init__(self, owner: Owner, places: Places) -> None:
        self.owner = owner
        self._places = places
        self._http = requests.Session()
        self._access = ""
        self._refresh = ""
        self._renew_at = 0.0

    def get(self, path: str, **params: str) -> Any:
        return self._call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """Every call is an intention of its own, with a key of its own."""
        return self._call("POST", path, body=body, key=str(uuid.uuid4()))

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, body=body)

    def sync(self) -> Any:
        """Ask Podium to fetch the owner's newest data."""
        return self.post("/fitness/sync", {})

    def close(self) -> None:
        self._http.close()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        """The decoded answer. Raises `Refused`; a token that is refused is replaced once."""
        for last in (False, True):
            self._authenticate()
            headers = {"Authorization": f"Bearer {self._access}", "X-Request-ID": str(uuid.uuid4())}
            response = self._http.request(
                method,
                f"{self._places.podium}/api/v1{path}",
                params=params,
                json=body,
                headers=headers | ({"Idempotency-Key": key} if key else {}),
                timeout=TIMEOUT_S,
            )
            if response.status_code == 401 and not last:
                self._renew_at = 0.0
                self._refresh = ""
                continue
            break
        if not response.ok:
            raise Refused(response)
        return response.json() if response.content else None

    def _authenticate(self) -> None:
        if time.monotonic() < self._renew_at:
            return
        answer = self._renewed() or self._token(
            "password", {"email": self.owner.email, "password": PASSWORD}
        )
        self._access, self._refresh = answer["access_token"], answer["refresh_token"]
        self._renew_at = time.monotonic() + answer["expires_in"] - RENEW_BEFORE_S

    def _renewed(self) -> Any:
        """New tokens for the refresh token; None when there is none or its session is over."""
        if not self._refresh:
            return None
        try:
            return self._token("refresh_token", {"refresh_token": self._refresh})
        except Refused as refused:
            if refused.status != 400:
                raise
            return None

    def _token(self, grant: str, body: dict[str, str]) -> Any:
        response = self._http.post(
            f"{self._places.supabase}/auth/v1/token",
            params={"grant_type": grant},
            json=body,
            timeout=TIMEOUT_S,
        )
        if not response.ok:
            raise Refused(response)
        return response.json()


def list_owners(sandbox: str) -> list[Owner]:
    """All people of the sandbox at this URL, in its order."""
    response = requests.get(f"{sandbox}/control/people", timeout=TIMEOUT_S)
    response.raise_for_status()
    names = Owner.__dataclass_fields__
    return [Owner(**{name: item[name] for name in names}) for item in response.json()["items"]]
