"""Supabase sessions. Refresh tokens carry their facts, so they outlive a restart."""

import secrets

from itsdangerous import BadData, URLSafeSerializer

from sandbox.clock import SandboxClock
from sandbox.people import stable_uuid

REUSE_S = 10
"""How long a refresh token that was just used may be used once more (the answer got lost)."""


class Sessions:
    def __init__(self, clock: SandboxClock, seed: int) -> None:
        self._clock = clock
        self._serializer = URLSafeSerializer(f"podium-sandbox-{seed}", "session")
        self._turns: dict[str, tuple[int, int]] = {}

    def start(self, sub: str) -> tuple[str, str]:
        """A new session's id and its first refresh token."""
        session = stable_uuid(sub, secrets.token_hex(8))
        return session, self._token(sub, session, 0)

    def turn(self, token: str) -> tuple[str, str, str] | None:
        """The sub, session and next refresh token; None if the token is no good."""
        facts = self.read(token)
        if facts is None:
            return None
        sub, session, turn = facts
        now_s = self._clock.now_s()
        current, since_s = self._turns.get(session, (turn, now_s))
        if turn == current:
            self._turns[session] = (turn + 1, now_s)
        elif turn != current - 1 or now_s - since_s > REUSE_S:
            return None
        return sub, session, self._token(sub, session, turn + 1)

    def read(self, token: str) -> tuple[str, str, int] | None:
        """The sub, session and turn that a token carries, used up or not."""
        try:
            sub, session, turn = self._serializer.loads(token)
        except BadData:
            return None
        return sub, session, turn

    def _token(self, sub: str, session: str, turn: int) -> str:
        return str(self._serializer.dumps([sub, session, turn]))
