"""Idempotency keys of the ledger: what each kind of movement happens once for."""

import uuid


def award_key(award_id: uuid.UUID) -> str:
    """Return the key under which a winner was promised an award."""
    return f"award:{award_id}"


def step_key(payout_id: uuid.UUID, number: int) -> str:
    """Return the key of what a payout's step moved; steps count from 1."""
    return f"payout:{payout_id}:{number}"
