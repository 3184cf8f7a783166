"""A board's answer as bytes, in two halves with room for the caller's own row between them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from domain.leaderboards.board import Page, Place, Row
from web.board_facts import Facts

NOT_THERE = b"null"
"""The value of `me` for somebody who is not on the board."""
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


def mine(me: str, place: Place, names: Mapping[str, str]) -> bytes:
    """Encode the caller's own row, with the way to the next better one."""
    following = None
    if place.next_rank is not None:
        following = {"rank": place.next_rank, "gap": place.next_gap}
    row = _members(Row(place.rank, me, place.score), names)
    return orjson.dumps({**row, "next": following})


def _members(row: Row, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "rank": row.rank,
        "user_id": row.user_id,
        "display_name": names.get(row.user_id, ""),
        "score": row.score,
    }
