"""A board's answer as bytes, in two halves with room for the caller's own row between them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from domain.leaderboards.board import Page, Row
from web.board_facts import Facts

SPELLING = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Halves(NamedTuple):
    """What comes before and after the value of `me`."""

    before: bytes
    after: bytes

    def around(self, me: bytes) -> bytes:
        """Return the whole."""
        return self.before + me + self.after


def halves(facts: Facts, page: Page, names: Mapping[str, str], as_of: datetime) -> Halves:
    """Encode a page."""
    before = orjson.dumps(
        {
            "competition_id": facts.competition_id,
            "metric": facts.metric,
            "status": page.status,
            "epoch": page.epoch,
            "offset": page.offset,
            "total": page.total,
            "entries": [_members(row, names) for row in page.rows],
        }
    )
    after = orjson.dumps({"as_of": as_of}, option=SPELLING)
    return Halves(before[:-1] + b',"me":', b"," + after[1:])


def entry(row: Row, names: Mapping[str, str]) -> bytes:
    """Encode one row."""
    return orjson.dumps(_members(row, names))


def _members(row: Row, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "rank": row.rank,
        "user_id": row.user_id,
        "display_name": names.get(row.user_id, ""),
        "score": row.score,
    }
