"""Sources: made known before their slots are stored, and put in order by their owner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.errors import Invalid
from domain.locks import lock_account
from models import Person, Source, SourceOrder
from models.source import SourceKind


@dataclass(frozen=True, slots=True)
class SeenSource:
    """A stream of someone's data, as the vendor or the phone describes it."""

    person_id: int
    key: str
    provider: str
    kind: SourceKind
    manufacturer: str | None = None
    model: str | None = None
    app: str | None = None
    coarse: bool = False


def key_of(provider: str, *parts: str | None) -> str:
    """Make a source's key: no separator in a part, and nothing that COPY reads as its own."""
    escaped = (
        (part or "").replace("%", "%25").replace("/", "%2F").replace("\\", "%5C") for part in parts
    )
    return "/".join([provider, *escaped])


def make_known(session: Session, sources: Iterable[SeenSource], now: datetime) -> None:
    """Insert those that are new. The caller has locked the people."""
    seen = list({(one.person_id, one.key): one for one in sources}.values())
    if not seen:
        return
    session.execute(
        text(
            "INSERT INTO source (person_id, key, provider, kind, manufacturer, model, app, coarse,"
            " first_seen_at) SELECT u.*, :now FROM unnest(CAST(:people AS bigint[]),"
            " CAST(:keys AS text[]), CAST(:providers AS text[]), CAST(:kinds AS text[]),"
            " CAST(:makers AS text[]), CAST(:models AS text[]), CAST(:apps AS text[]),"
            " CAST(:coarse AS boolean[])) AS u ON CONFLICT DO NOTHING"
        ),
        {
            "now": now,
            "people": [one.person_id for one in seen],
            "keys": [one.key for one in seen],
            "providers": [one.provider for one in seen],
            "kinds": [str(one.kind) for one in seen],
            "makers": [one.manufacturer for one in seen],
            "models": [one.model for one in seen],
            "apps": [one.app for one in seen],
            "coarse": [one.coarse for one in seen],
        },
    )


def list_sources(session: Session, person: Person, now: datetime) -> list[Source]:
    """Return a person's sources, the first believed first."""
    keys = session.scalar(
        select(SourceOrder.keys)
        .where(SourceOrder.person_id == person.id, SourceOrder.ordered_at <= now)
        .order_by(SourceOrder.ordered_at.desc())
        .limit(1)
    )
    own = {key: place for place, key in enumerate(keys or ())}
    kinds = list(SourceKind)
    found = session.scalars(select(Source).where(Source.person_id == person.id))
    return sorted(
        found,
        key=lambda one: (
            own.get(one.key, len(own)),
            kinds.index(one.kind),
            -one.first_seen_at.timestamp(),
            one.key,
        ),
    )


def put_in_order(
    session: Session, person: Person, keys: Sequence[str], now: datetime
) -> list[Source]:
    """Let a person say which source is believed first; those not named follow.

    It counts for competitions that start from now on. Raises Invalid for a source that is not
    theirs or named twice.
    """
    lock_account(session, person.id)
    known = {one.key for one in list_sources(session, person, now)}
    if len(set(keys)) < len(keys) or not known.issuperset(keys):
        raise Invalid("must name sources of yours, each once", loc=("body", "keys"))
    session.add(SourceOrder(person_id=person.id, ordered_at=now, keys=list(keys)))
    session.flush()  # the order is read back
    return list_sources(session, person, now)
