"""Ids of the rows that we create."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a UUID version 7: unique, and in order of creation."""
    return uuid_utils.compat.uuid7()


RANDOM = "right(gen_random_uuid()::text, 12)"
NUMBERED = f"""
    (lpad(to_hex(CAST(1000 * extract(epoch FROM CAST(:now AS timestamptz)) AS bigint)), 12, '0')
     || to_hex(28672 | (number >> 14)) || to_hex(32768 | (number & 16383)) || {RANDOM})::uuid
"""
"""The same in SQL, for the moment `:now`: in order of a column `number`, below 2**26.

RFC 9562 lets a counter take the bits that follow the time (section 6.2, method 1).
"""


def alike(what: str) -> str:
    """Return, in SQL, the id of what belongs to the row with the numbered `id`, and has its order.

    `what` is a text in SQL, another for each thing that belongs to the row: what it is made of is
    cheaper than chance.
    """
    return f"(left(id::text, 24) || left(md5({what}), 12))::uuid"
