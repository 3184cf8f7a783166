"""Ids of the rows that we create."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a UUID version 7: unique, and in order of creation."""
    return uuid_utils.compat.uuid7()
