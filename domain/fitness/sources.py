"""Sources: made known before their slots are stored."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

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


def make_known(session: Session, sources: Iterable[SeenSource], now: datetime) -> None:
    """Insert those that are new. The caller has locked the people."""
    seen = list({(one.person_id, one.key): one for one in sources}.values())
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
