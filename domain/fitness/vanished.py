"""What a pull replaces: in its window, slot by slot, all that its vendor said before.

A person's streams change: a new watch makes Google's merged stream two devices' own, a list that
fails makes them one again. Within the window of a pull the streams that it brought are all that
counts of its metrics, so another stream of the vendor is emptied there; before the window, history
stays as it was fetched. So a slot is never in the merged stream and in a device's.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.database import array
from domain.fitness.fetched import Fetched
from domain.fitness.staging import packed
from models.slots import Metric, SlotClass

# The merged stream's key is its provider's name. Whoever has no other source, and of whom nothing
# else was read now, has nothing to empty.
STORED = text(
    """
    SELECT d.person_id, d.metric, d.source, d.day
    FROM unnest(CAST(:people AS bigint[]), CAST(:providers AS text[]), CAST(:firsts AS date[]),
                CAST(:lasts AS date[]), CAST(:apart AS boolean[]))
         AS x(person_id, provider, first, last, apart)
    JOIN source s ON s.person_id = x.person_id AND s.provider = x.provider
    JOIN slot_day d ON d.person_id = s.person_id AND d.source = s.key
         AND d.day BETWEEN x.first AND x.last AND d.class = 'measured'
    WHERE x.apart OR EXISTS (SELECT FROM source o WHERE o.person_id = x.person_id
                             AND o.provider = x.provider AND o.key <> o.provider)
    """
)


def vanished_days(session: Session, batch: Sequence[Fetched]) -> Iterator[bytes]:
    """Yield empty days for what is stored of the vendor and was not brought again, packed."""
    if not batch:
        return
    by_person = {one.claim.person_id: one for one in batch}
    spans = {
        person_id: {day: (low, high) for day, low, high, _ in one.window.days()}
        for person_id, one in by_person.items()
    }
    rows = session.execute(
        STORED,
        {
            "people": array(by_person),
            "providers": array(one.claim.provider for one in by_person.values()),
            "firsts": array(min(spans[person_id]) for person_id in by_person),
            "lasts": array(max(spans[person_id]) for person_id in by_person),
            "apart": array(one.apart for one in by_person.values()),
        },
    )
    for person_id, metric, source, day in rows.all():
        brought = by_person[person_id]
        if metric not in brought.metrics or (metric, source) in brought.series:
            continue
        low, high = spans[person_id][day]
        part, nothing = (day, low, high), [0] * (high - low)
        yield packed(person_id, source, Metric(metric), SlotClass.MEASURED, part, nothing)
