"""Names of a board's keys in Redis. The braces put all keys of a board into one cluster slot."""

import uuid

BELLS = "boards:bells"
"""Channel that says which board moved: `<competition id> <epoch> <offset>`."""


def board_key(competition_id: uuid.UUID) -> str:
    """Sorted set: member is the lower-case user id, score the negated points.

    Negated, because a sorted set lists equal scores by ascending member.
    """
    return f"board:{{{competition_id}}}"


def state_key(competition_id: uuid.UUID) -> str:
    """Hash: `epoch`, `offset`, `status`, and `total`, by which a lost sorted set is noticed."""
    return str(competition_id).join(state_key_parts())


def state_key_parts() -> tuple[str, str]:
    """Return what stands before and after the competition's id in the name of a state."""
    return "board:{", "}:state"


def stream_key(competition_id: uuid.UUID) -> str:
    """Stream: one entry for each accepted flush, under the id `<offset>-0`."""
    return f"board:{{{competition_id}}}:stream"


def rebuild_key(competition_id: uuid.UUID, token: uuid.UUID) -> str:
    """Sorted set that a rebuild fills before it takes the board's place."""
    return f"board:{{{competition_id}}}:rebuild:{token}"
