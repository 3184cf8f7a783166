"""Reading a person's streams as one access token may, and the vendor's form of a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox import fit_errors
from sandbox.diary import Cell, Diary, Part
from sandbox.people import Person
from sandbox.streams import DataType, Stream, streams_of

NANOS = 1_000_000
"""Nanoseconds in a millisecond."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One call's view: whose data, under which scopes, as arrived by which moment."""

    person: Person
    diary: Diary
    scopes: frozenset[str]
    at_ms: int

    def cells(self, part: Part, from_ms: int, to_ms: int, length_ms: int) -> list[Cell]:
        return self.diary.cells(part, from_ms, to_ms, self.at_ms, length_ms)

    def streams(self) -> Iterator[Stream]:
        """The streams that the scopes allow to read."""
        for stream in streams_of(self.person, self.diary, self.at_ms):
            if stream.data_type.scope in self.scopes:
                yield stream

    def stream(self, stream_id: str) -> Stream:
        """FitError 403 if there is none, as the vendor answers for a missing stream, too."""
        for stream in streams_of(self.person, self.diary, self.at_ms):
            if stream.id == stream_id:
                self.check_scope(stream.data_type)
                return stream
        raise fit_errors.unreadable_source(stream_id)

    def check_scope(self, data_type: DataType) -> None:
        if data_type.scope not in self.scopes:
            raise fit_errors.unreadable_type(data_type.name)


def value_of(data_type: DataType, thousandths: int) -> dict[str, Any]:
    """`mapVal` is always there and empty. A float has three decimals and rounds back exactly."""
    if data_type.whole:
        return {"intVal": thousandths // 1000, "mapVal": []}
    return {"fpVal": thousandths / 1000, "mapVal": []}
