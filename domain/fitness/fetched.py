"""What a pull brought, packed for the slot table as soon as it came."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from domain.fitness.providers.base import DeviceStream, Pulled
from domain.fitness.queue import Claim
from domain.fitness.readings import Readings
from domain.fitness.sources import SeenSource
from domain.fitness.staging import digest, packed_days
from domain.fitness.windows import Window
from models.slots import Metric
from models.source import SourceKind


@dataclass(frozen=True)
class Fetched:
    """A claimed pull and what it brought.

    Numbers are packed here and let go: a batch of them would push each other out of the cache.
    """

    claim: Claim
    window: Window
    received: int
    """Slots that hold something."""
    manual_streams: tuple[str, ...]
    device_streams: tuple[DeviceStream, ...]
    streams_listed_at: datetime
    sources: tuple[SeenSource, ...]
    metrics: frozenset[Metric]
    """Of which something was said, if only that there is nothing."""
    series: frozenset[tuple[Metric, str]]
    """Metrics of sources, each of which has a row on every day of the window."""
    apart: bool
    """Whether devices were told apart."""
    digests: dict[str, str]
    """By UTC day, what tells that which was said about it from what another pull says."""
    news: list[bytes]
    """The days of which the connection's last pull did not say the very same.

    Nothing else writes a connection's sources, and its pulls run one at a time, so what it said
    last is what is stored.
    """

    @classmethod
    def of(cls, claim: Claim, pulled: Pulled) -> "Fetched":
        """Pack what came back."""
        window = pulled.readings.window
        kept = list(_kept(pulled))
        metrics = frozenset(one.metric for each in pulled.all_readings() for one in each.streams)
        days = list(window.days())
        rows: dict[date, list[bytes]] = {day: [] for day, *_ in days}
        for readings in kept:
            for day, row in packed_days(claim.person_id, readings):
                rows[day].append(row)
        topic = " ".join(sorted(metrics))
        digests: dict[str, str] = {}
        news = []
        for day, low, high, _ in days:
            name, content = day.isoformat(), b"".join(rows[day])
            digests[name] = digest(f"{low} {high} {topic}".encode(), content)
            if claim.day_digests.get(name) != digests[name]:
                news.append(content)
        return cls(
            claim,
            window,
            pulled.received,
            pulled.manual_streams,
            pulled.device_streams,
            pulled.streams_listed_at,
            tuple(_sources(claim, pulled)),
            metrics,
            frozenset((one.metric, each.source) for each in kept for one in each.streams),
            bool(pulled.by_device),
            digests,
            news,
        )


def _kept(pulled: Pulled) -> Iterator[Readings]:
    yield pulled.readings
    for one in pulled.by_device:
        if not one.is_silent:
            yield one.readings


def _sources(claim: Claim, pulled: Pulled) -> Iterator[SeenSource]:
    yield SeenSource(claim.person_id, pulled.readings.source, claim.provider, SourceKind.CLOUD)
    for one in pulled.by_device:
        if not one.is_silent:
            device = one.device
            yield SeenSource(
                claim.person_id,
                one.readings.source,
                claim.provider,
                device.kind,
                device.manufacturer,
                device.model,
            )
