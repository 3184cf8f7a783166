"""One connection that watches a board."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.leaderboards.board import Place, Position
from domain.live import composing
from web.live.connection import Connection
from web.live.feed import Back
from web.live.frames import Frame, message_frame, with_field


def _nothing() -> None:
    """Nobody asks."""


@dataclass(eq=False, slots=True)
class Watcher:
    """Who watches, from where on, and which place they were last told."""

    connection: Connection
    user_id: str
    resume: Position | None = None
    """What the client says that it has."""
    lost_place: Callable[[], None] = field(default=_nothing, init=False)
    """Called when someone who had a place has none any more."""
    joined_at: int = field(default=0, init=False)
    """Offset of what it was sent on arrival; older frames are not for it."""
    place: Place | None = field(default=None, init=False)

    def welcome(self, head: bytes, at: Position, place: Place | None) -> None:
        """Send a snapshot, whose encoded `head` lacks only the reader's own place."""
        self.joined_at = at.offset
        self._take(place)
        mine = None if place is None else composing.place_of(place)
        self.connection.send(Frame(with_field(head, "me", mine), at.epoch, at.offset))

    def welcome_back(self, back: Back) -> None:
        """Send what leads from `resume` to the present, and the reader's own place.

        The place is told even where there is none: it may have been lost meanwhile.
        """
        if self.resume is None:
            return
        frames = back.missed[self.resume]
        self.joined_at = frames[-1].offset if frames else self.resume.offset
        for missed in frames:
            self.connection.send(missed)
        self._say(back.places.get(self.user_id))

    def tell_place(self, place: Place | None) -> None:
        """Send the reader's own place if it is another than before."""
        if place != self.place:
            self._say(place)

    def _say(self, place: Place | None) -> None:
        self._take(place)
        self.connection.send(message_frame(composing.me(place)))

    def _take(self, place: Place | None) -> None:
        had, self.place = self.place, place
        if had is not None and place is None:
            self.lost_place()
