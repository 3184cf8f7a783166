"""Messages made from boards, places and syncs."""

import uuid
from collections.abc import Mapping

from domain.leaderboards.board import Page, Place
from domain.live import messages
from domain.live.folding import Changes, StatusChange
from domain.live.today import Today
from models import SyncRequest

UNKNOWN = "Someone"
"""Shown for a person who is no longer there."""

Names = Mapping[str, str]
"""Display names by user id."""


def snapshot(competition_id: uuid.UUID, page: Page, names: Names) -> messages.Board:
    """Say how a board stands; the reader's own place is still missing."""
    return {
        "type": "snapshot",
        "competition_id": str(competition_id),
        "epoch": page.epoch,
        "offset": page.offset,
        "status": page.status,
        "total": page.total,
        "entries": [
            {
                "rank": row.rank,
                "user_id": row.user_id,
                "display_name": names.get(row.user_id, UNKNOWN),
                "score": row.score,
            }
            for row in page.rows
        ],
    }


def update(epoch: str, changes: Changes, names: Names) -> messages.Update:
    """Say what happened to the top 100."""
    return {
        "type": "update",
        "epoch": epoch,
        "base": changes.base,
        "offset": changes.offset,
        "total": changes.total,
        "entries": [
            {"user_id": user_id, "display_name": names.get(user_id, UNKNOWN), "score": score}
            for user_id, score in changes.rows.items()
        ],
        "removed": sorted(changes.removed),
    }


def status(epoch: str, change: StatusChange) -> messages.Status:
    """Say that the competition changed state."""
    return {
        "type": "status",
        "epoch": epoch,
        "base": change.base,
        "offset": change.offset,
        "status": change.status,
    }


def me(place: Place | None) -> messages.Me:
    """Say where the reader stands now; without a place they are not on the board."""
    if place is None:
        return {"type": "me", "rank": None, "score": None, "next": None}
    return {"type": "me", **place_of(place)}


def place_of(place: Place) -> messages.Place:
    """Spell out a place."""
    if place.next_rank is None or place.next_gap is None:
        better: messages.Next | None = None
    else:
        better = {"rank": place.next_rank, "gap": place.next_gap}
    return {"rank": place.rank, "score": place.score, "next": better}


def sync(request: SyncRequest) -> messages.Sync:
    """Say how a sync stands."""
    error: messages.SyncError | None = None
    if request.error_code is not None:
        error = {"code": request.error_code, "detail": request.error_detail or ""}
    return {
        "type": "sync",
        "sync_id": str(request.id),
        "status": request.status.value,
        "slots": {"received": request.slots_received, "changed": request.slots_changed},
        "error": error,
    }


def stats(today: Today) -> messages.Stats:
    """Say what the reader has done today."""
    return {
        "type": "stats",
        "date": today.date.isoformat(),
        "totals": {str(metric): value / 1000 for metric, value in today.totals.items()},
    }


def reauth_required() -> messages.Notice:
    """Say that a vendor no longer honours the reader's grant."""
    return {
        "type": "notice",
        "code": "reauth_required",
        "detail": "Google no longer lets us read your data; connect again.",
    }


def behind(competition: str) -> messages.Notice:
    """Say that a competition of the reader's closes and their data is old."""
    return {
        "type": "notice",
        "code": "behind",
        "detail": f"“{competition}” has ended and your data is old: open your fitness app now.",
    }
