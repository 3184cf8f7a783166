"""A person's records and their slot rows, while an upload is entered one by one."""

from collections.abc import Collection, Iterable

from sqlalchemy.orm import Session

from domain.fitness.record_days import RecordDays
from domain.fitness.record_store import Row
from domain.fitness.records import Known, RecordCode, Standing, Status, Verdict, judge

WRITTEN = frozenset({Status.INSERTED, Status.UPDATED})


class RecordBook:
    """What stands, and what is to be written. The person is locked."""

    def __init__(self, person_id: int, standing: Standing) -> None:
        self._standing = standing
        self._before = frozenset(standing)
        self._rows: dict[str, Row] = {}
        self.days = RecordDays(person_id)
        self._sources: set[str] = set()
        """Of what was entered, also of what was replaced in its turn."""

    @property
    def rows(self) -> Collection[Row]:
        """The records to write."""
        return self._rows.values()

    @property
    def replaced(self) -> Collection[str]:
        """Ids of those among them that have a row already."""
        return self._rows.keys() & self._before

    @property
    def new_sources(self) -> Collection[str]:
        """Keys of those sources of what was entered of which no slot row stands yet."""
        return self._sources - self.days.sources

    def open(self, session: Session, coming: Iterable[Known]) -> None:
        """Read the days that may change."""
        standing = (one for one in self._standing.values() if one is not None)
        self.days.load(session, [*standing, *coming])

    def delete(self, id_: str) -> bool:
        """Note a deletion, of an unknown id too; say whether a record stood under it."""
        if id_ in self._standing and self._standing[id_] is None:
            return False
        known = self._standing.get(id_)
        if known is not None:
            self.days.take_off(known)
        self._standing[id_] = None
        self._rows[id_] = Row(id_, known, deleted=True)
        return known is not None

    def enter(self, sent: Known | RecordCode) -> Verdict:
        """Take a record in, if it may stand."""
        if isinstance(sent, RecordCode):
            return sent
        verdict = judge(sent, self._standing)
        if verdict not in WRITTEN:
            return verdict
        known = self._standing.get(sent.id)
        if known is not None:
            self.days.take_off(known)
        if not self.days.add(sent):
            if known is not None:
                self.days.add(known)
            return RecordCode.VALUE_TOO_LARGE
        self._standing[sent.id] = sent
        self._rows[sent.id] = Row(sent.id, sent, deleted=False)
        self._sources.add(sent.source)
        return verdict
