"""What all control routes share: strict bodies, naming a person, naming a moment."""

from datetime import UTC, datetime

from flask import request
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from sandbox.current import here
from sandbox.people import Person

_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class Refused(Exception):
    """An order that cannot be carried out, with the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")


def find(name: str) -> Person:
    """The person of that id, sub or e-mail address."""
    person = here().find(name)
    if person is None:
        raise Refused(404, f"nobody is called {name}")
    return person


def moment_argument(name: str) -> int:
    """A query argument that names a moment, in epoch ms."""
    return moment_ms(_MOMENT.validate_python(request.args.get(name)))


def moment_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def rfc3339(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
