"""An upload of records: one transaction from the raw records to the scores."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from domain.fitness.record_book import WRITTEN, RecordBook
from domain.fitness.record_checks import Checker
from domain.fitness.record_store import find, replace
from domain.fitness.records import (
    Known,
    RecordCode,
    SentRecord,
    Standing,
    Uploaded,
    Verdict,
    judge,
    result,
)
from domain.fitness.slot_store import changed_days
from domain.fitness.sources import SeenSource, make_known
from domain.locks import AccountGone, LockedForData, lock_for_data
from domain.scoring.recompute import recompute_changed
from domain.scoring.review import review_days
from models.record import Platform


def upload(
    session: Session,
    person_id: int,
    provider: Platform,
    sent: Sequence[SentRecord],
    deletions: Collection[str],
    now: datetime,
) -> Uploaded:
    """Take in what a phone has sent; repeating it writes nothing, not even a lock.

    Deletions come first, so an id that is both sent and deleted is deleted. Of several records
    under one id each is judged after the one before it.
    """
    checker = Checker(person_id, provider, now)
    checked = [checker.check(one) for one in sent]
    coming = [one for one in checked if isinstance(one, Known)]
    gone = dict.fromkeys(map(str.lower, deletions))
    ids = dict.fromkeys([one.id for one in coming]) | gone
    standing = _look(session, person_id, provider, ids)
    verdicts: list[Verdict] = []
    if len(standing) == len(ids):
        verdicts = [one if isinstance(one, RecordCode) else judge(one, standing) for one in checked]
    deleted = scores = 0
    if len(standing) < len(ids) or _differs(verdicts, gone, standing):
        locked = lock_for_data(session, [person_id], now)
        if locked.erased:
            raise AccountGone
        book = RecordBook(person_id, find(session, person_id, provider, ids))
        book.open(session, coming)
        deleted = sum(map(book.delete, gone))
        verdicts = [book.enter(one) for one in checked]
        _store(session, person_id, provider, book, checker.sources, now)
        scores = _score(session, book, locked)
    results = [result(one.id, verdict) for one, verdict in zip(sent, verdicts, strict=True)]
    return Uploaded(results, deleted, scores)


def _look(session: Session, person_id: int, provider: Platform, ids: Collection[str]) -> Standing:
    """Return what stands, without a lock; nothing if the first id is new, as most often all are."""
    first = find(session, person_id, provider, list(ids)[:1])
    return find(session, person_id, provider, ids) if first else first


def _differs(verdicts: Iterable[Verdict], gone: Iterable[str], standing: Standing) -> bool:
    """Say whether an upload of nothing but known ids changes anything."""
    return not WRITTEN.isdisjoint(verdicts) or any(standing[id_] is not None for id_ in gone)


def _store(
    session: Session,
    person_id: int,
    provider: Platform,
    book: RecordBook,
    seen: Collection[SeenSource],
    now: datetime,
) -> None:
    if new := book.new_sources:
        make_known(session, (one for one in seen if one.key in new), now)
    replace(session, person_id, provider, book.rows, book.replaced, now)


def _score(session: Session, book: RecordBook, locked: LockedForData) -> int:
    changed = changed_days(book.days.store(session, locked), locked)
    changed = review_days(session, changed, locked.open, locked.at)
    return len(recompute_changed(session, changed, locked.open))
