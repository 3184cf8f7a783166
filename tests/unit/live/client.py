"""A client that keeps a board by the contract's rule, and nothing else."""

from collections.abc import Mapping
from typing import Any


class Client:
    """The state that a reader of the socket has."""

    def __init__(self) -> None:
        self.epoch = ""
        self.offset = -1
        self.total = 0
        self.status = ""
        self.frames = 0
        self._scores: dict[str, int] = {}

    def take(self, message: Mapping[str, Any]) -> None:
        """Apply a snapshot, an update or a status."""
        self.frames += 1
        if message["type"] == "snapshot":
            self.epoch, self.offset = message["epoch"], message["offset"]
            self.status, self.total = message["status"], message["total"]
            self._scores = {row["user_id"]: row["score"] for row in message["entries"]}
            assert self.rows() == [
                (row["rank"], row["user_id"], row["score"]) for row in message["entries"]
            ]
            return
        if message["offset"] <= self.offset:
            return
        assert message["epoch"] == self.epoch
        assert message["base"] <= self.offset, "a gap: the client would have to resume"
        if message["type"] == "status":
            self.status = message["status"]
        else:
            self._scores.update({row["user_id"]: row["score"] for row in message["entries"]})
            for user_id in message["removed"]:
                self._scores.pop(user_id, None)
            self.total = message["total"]
        self.offset = message["offset"]

    def score_of(self, user_id: str) -> int:
        """Return someone's score."""
        return self._scores[user_id]

    def rows(self) -> list[tuple[int, str, int]]:
        """Return rank, user id and score of everyone, in board order."""
        ordered = sorted(self._scores.items(), key=lambda row: (-row[1], row[0]))
        scores = [score for _, score in ordered]
        return [(scores.index(score) + 1, user_id, score) for user_id, score in ordered]
