"""Keys of services: made, recognised, revoked.

A key reads `podium_<mark>_<secret><checksum>` in letters and digits. `podium_<mark>` is its prefix,
which may be seen. The checksum is a CRC-32, so that a slip of the pen is refused without a query;
it keeps nobody out. The secret has 190 bits, so one SHA-256 is enough to store it by: there is
nothing to guess that a slow hash would slow down.
"""

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from domain.errors import Conflict, NotFound
from domain.ids import new_id
from models import ApiKey
from models.api_key import KeyScope

BRAND = "podium"
SIGNS = string.digits + string.ascii_letters
MARK, SECRET, CHECKSUM = 8, 32, 6
"""How many signs each part has."""
SHAPE = re.compile(rf"{BRAND}_[0-9A-Za-z]{{{MARK}}}_[0-9A-Za-z]{{{SECRET + CHECKSUM}}}")
NOTED = timedelta(minutes=1)
"""How often the use of a key is written down."""


@dataclass(frozen=True)
class NewKey:
    """A key at the only time that it is known in full."""

    row: ApiKey
    key: str = field(repr=False)


def create(
    session: Session,
    name: str,
    scopes: Collection[KeyScope],
    expires_at: datetime | None,
    now: datetime,
) -> NewKey:
    """Make a key. Of two with one prefix the database refuses the second."""
    prefix = f"{BRAND}_{_random(MARK)}"
    unchecked = f"{prefix}_{_random(SECRET)}"
    key = unchecked + _checksum(unchecked)
    row = ApiKey(
        id=new_id(),
        name=name,
        prefix=prefix,
        hash=digest(key),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    return NewKey(row, key)


def is_whole(key: str) -> bool:
    """Say whether this can be a key: of the right shape, and without a slip of the pen."""
    unchecked, checksum = key[:-CHECKSUM], key[-CHECKSUM:]
    return SHAPE.fullmatch(key) is not None and checksum == _checksum(unchecked)


def prefix_of(key: str) -> str:
    """Return the part that may be seen."""
    return key[: len(BRAND) + 1 + MARK]


def digest(key: str) -> bytes:
    """Return what is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


def recognise(session: Session, key: str, now: datetime) -> ApiKey | None:
    """Return the row of a whole key, be it revoked or expired, or None; note its use."""
    row = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix_of(key)))
    if row is None or not secrets.compare_digest(row.hash, digest(key)):
        return None
    session.execute(
        update(ApiKey)
        .where(
            ApiKey.id == row.id,
            ApiKey.revoked_at.is_(None),
            or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - NOTED),
        )
        .values(last_used_at=now)
        .execution_options(synchronize_session=False)
    )
    return row


def list_keys(session: Session) -> list[ApiKey]:
    """Return all keys, the oldest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id)))


def revoke(session: Session, prefix: str, now: datetime) -> ApiKey | None:
    """End a key for good and return it; None when there is none. Twice is not an error."""
    row = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix).with_for_update())
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
    return row


def rotate(session: Session, prefix: str, overlap: timedelta, now: datetime) -> NewKey:
    """Make a key for the same service, scopes and span of life; the old one ends after `overlap`.

    Raises NotFound, or Conflict for a key that opens nothing any more.
    """
    old = session.scalar(select(ApiKey).where(ApiKey.prefix == prefix).with_for_update())
    if old is None:
        raise NotFound(f"no key has the prefix {prefix}")
    if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise Conflict(f"{prefix} opens nothing any more; create a new key")
    span = None if old.expires_at is None else old.expires_at - old.created_at
    made = create(
        session,
        old.name,
        [KeyScope(scope) for scope in old.scopes],
        None if span is None else now + span,
        now,
    )
    ends = now + overlap
    old.expires_at = ends if old.expires_at is None else min(old.expires_at, ends)
    return made


def _random(signs: int) -> str:
    return "".join(secrets.choice(SIGNS) for _ in range(signs))


def _checksum(unchecked: str) -> str:
    rest, signs = zlib.crc32(unchecked.encode()), ""
    for _ in range(CHECKSUM):
        rest, sign = divmod(rest, len(SIGNS))
        signs = SIGNS[sign] + signs
    return signs
