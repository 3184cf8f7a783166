"""A sandbox that plays Stripe, and our client of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from stripe import StripeClient

from domain.payouts.rails.stripe_client import make_client
from sandbox.faults import Fault, FaultKind
from sandbox.server import running
from sandbox.stripe import accounts
from sandbox.stripe.errors import NAMED
from sandbox.stripe.platform import API_KEY
from sandbox.world import World


class Bank:
    """Stripe as we see it, and its strings behind the scenes."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.stripe = world.stripe
        self.url = url
        self.client: StripeClient = make_client(API_KEY, url)

    def account(self) -> str:
        """Open an account that can take money."""
        account = accounts.make(self.stripe)
        accounts.make_ready(self.stripe, account)
        return str(account["id"])

    @contextmanager
    def failing(
        self, kind: FaultKind, body: str | None = None, delay_ms: int = 0
    ) -> Iterator[None]:
        """Let all calls suffer during the block."""
        faults, status = self.world.faults, NAMED[body].status if body else 500
        faults.pending.append(
            Fault(
                faults.next_id(),
                "/v1",
                kind,
                left=None,
                status=status,
                body=body,
                delay_ms=delay_ms,
            )
        )
        try:
            yield
        finally:
            faults.pending.clear()


@pytest.fixture(scope="module")
def bank() -> Iterator[Bank]:
    world = World(0)
    with running(world) as url:
        yield Bank(world, url)
