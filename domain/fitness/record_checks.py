"""What a record must be like. Each is judged alone, so a bad one never fails its upload."""

import math
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from domain.fitness.readings import MAX_SLOT
from domain.fitness.records import Known, RecordCode, SentDevice, SentRecord
from domain.fitness.sources import SeenSource, key_of
from domain.fitness.spreading import spread
from models.record import Platform, RecordingMethod
from models.slots import Metric
from models.source import SourceKind

LONGEST = timedelta(hours=24)
LONGEST_FINE = timedelta(hours=1)
"""A source of longer intervals is coarse."""
AHEAD = timedelta(minutes=5)
"""How far a phone's clock may be ahead of ours."""
OLDEST = timedelta(days=400)
FARTHEST_OFFSET_S = 18 * 3600
"""What both platforms allow."""
VERSIONS = range(-(2**63), 2**63)
LONGEST_KEY = 1000
"""Bytes; with a day and a metric it still fits into an index entry of PostgreSQL."""
THOUSANDTHS = 1000

TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""RFC 3339."""
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Controls, and marks that turn the direction of what follows."""
KINDS = {
    "watch": SourceKind.WATCH,
    "band": SourceKind.BAND,
    "fitness_band": SourceKind.BAND,
    "ring": SourceKind.RING,
    "phone": SourceKind.PHONE,
}
METRICS = {str(metric): metric for metric in Metric}
METHODS = {str(method): method for method in RecordingMethod}

SourceParts = tuple[str, str | None, str | None, str | None, bool]
"""Origin, device type, manufacturer, model, coarse."""


class Rejected(Exception):
    """A record breaks a rule."""

    def __init__(self, code: RecordCode) -> None:
        super().__init__(code)
        self.code = code


class Checker:
    """Checks the records of one upload, and collects the sources that they name."""

    def __init__(self, person_id: int, provider: Platform, now: datetime) -> None:
        self._person_id = person_id
        self._provider = provider
        self._latest = now + AHEAD
        self._earliest = now - OLDEST
        self._seen: dict[SourceParts, SeenSource] = {}
        self._times: dict[str, datetime] = {}
        """By how they were written: one record often ends when the next begins."""

    @property
    def sources(self) -> Collection[SeenSource]:
        """The sources of the records so far."""
        return self._seen.values()

    def check(self, sent: SentRecord) -> Known | RecordCode:
        """Return the record as it will stand, or why it cannot."""
        try:
            return self._checked(sent)
        except Rejected as rejected:
            return rejected.code

    def _checked(self, sent: SentRecord) -> Known:
        metric = METRICS.get(sent.metric)
        if metric is None:
            raise Rejected(RecordCode.UNKNOWN_METRIC)
        method = METHODS.get(sent.recording_method)
        if method is None:
            raise Rejected(RecordCode.UNKNOWN_RECORDING_METHOD)
        start, end = self._span(sent)
        offset, version = sent.utc_offset_s, sent.version
        if offset is not None and abs(offset) > FARTHEST_OFFSET_S:
            raise Rejected(RecordCode.INVALID_OFFSET)
        if version is not None and version not in VERSIONS:
            raise Rejected(RecordCode.INVALID_VERSION)
        modified = None if sent.last_modified is None else self._time(sent.last_modified)
        value = _thousandths(sent.value, start, end)
        source = self._source(sent.origin, sent.device, coarse=end - start > LONGEST_FINE)
        return Known(
            sent.id.lower(), metric, source, start, end, value, offset, method, version, modified
        )

    def _span(self, sent: SentRecord) -> tuple[datetime, datetime]:
        start, end = self._time(sent.start), self._time(sent.end)
        if end < start:
            raise Rejected(RecordCode.END_BEFORE_START)
        if end - start > LONGEST:
            raise Rejected(RecordCode.TOO_LONG)
        if end > self._latest:
            raise Rejected(RecordCode.IN_FUTURE)
        if start < self._earliest:
            raise Rejected(RecordCode.TOO_OLD)
        return start, end

    def _time(self, written: str) -> datetime:
        moment = self._times.get(written)
        if moment is None:
            moment = self._times[written] = _read(written)
        return moment

    def _source(self, origin: str, device: SentDevice | None, *, coarse: bool) -> str:
        parts: SourceParts = (
            (origin, None, None, None, coarse)
            if device is None
            else (origin, device.type, device.manufacturer, device.model, coarse)
        )
        seen = self._seen.get(parts)
        if seen is None:
            seen = self._seen[parts] = self._described(parts)
        return seen.key

    def _described(self, parts: SourceParts) -> SeenSource:
        origin, device, manufacturer, model, coarse = parts
        texts = (origin, device, manufacturer, model)
        key = key_of(self._provider, *texts, *(["coarse"] if coarse else []))
        # The length is looked at last: a lone surrogate has none in bytes.
        if not origin or UNSEEN.search(key) is not None or len(key.encode()) > LONGEST_KEY:
            raise Rejected(RecordCode.INVALID_TEXT)
        kind = KINDS.get((device or "").lower(), SourceKind.OTHER)
        return SeenSource(
            self._person_id, key, self._provider, kind, manufacturer, model, origin, coarse
        )


def _read(written: str) -> datetime:
    if TIME.fullmatch(written) is None:
        raise Rejected(RecordCode.INVALID_TIME)
    try:
        return datetime.fromisoformat(written.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Rejected(RecordCode.INVALID_TIME) from error


def _thousandths(value: float, start: datetime, end: datetime) -> int:
    """Round to the nearest 1/1000: platforms send binary fractions of what they measured."""
    if not math.isfinite(value) or value < 0:
        raise Rejected(RecordCode.INVALID_VALUE)
    whole = round(value * THOUSANDTHS) if value <= MAX_SLOT else MAX_SLOT * THOUSANDTHS
    if whole > MAX_SLOT and max(part for _, part in spread(whole, start, end)) > MAX_SLOT:
        raise Rejected(RecordCode.VALUE_TOO_LARGE)
    return whole
