"""Flags: what is doubted, why, and what the organiser says to it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Literal, Self

from domain.fitness.windows import QUARTER
from domain.scoring.decisions import Answer as Said
from domain.scoring.flags import SeenFlag
from models import Flag, PastDecision, Person
from models.flag import Decision, FlagReason
from models.slots import Metric, SlotClass
from web.schemas.fields import Answer, Body, PageQuery, Prose, UserId, UtcTime, in_units

DECISIONS = {"accept": Decision.ACCEPTED, "reject": Decision.REJECTED}


class DoubtedSlot(Answer):
    """A quarter hour, and what it holds in the metric's unit."""

    start: UtcTime
    value: float


class FlagFacts(Answer):
    """Why some quarter hours of a source do not count, or did not until they were accepted."""

    id: uuid.UUID
    metric: Metric
    source: str
    recorded: SlotClass
    date: date
    """Of the quarter hours, in UTC."""
    reason: FlagReason
    evidence: dict[str, float | str]
    """The numbers that raised it, in the metric's unit."""
    slots: list[DoubtedSlot]
    raised_at: UtcTime
    changed_at: UtcTime
    decision: Decision
    decided_at: UtcTime | None
    note: str | None

    @classmethod
    def of_flag(cls, flag: Flag) -> Self:
        """Render a flag without the people around it."""
        return cls.model_validate(_facts(flag))


class DecisionAnswer(Answer):
    """An earlier decision."""

    decision: Decision
    decided_by: UserId
    decided_at: UtcTime
    note: str | None

    @classmethod
    def of(cls, past: PastDecision, decider: Person) -> Self:
        """Render a decision and who took it."""
        return cls(
            decision=past.decision,
            decided_by=decider.user_id,
            decided_at=past.decided_at,
            note=past.note,
        )


class FlagAnswer(FlagFacts):
    """A flag as its organiser sees it."""

    user_id: UserId
    display_name: str
    other_user_id: UserId | None
    """Someone whose data is the same, when a device is shared."""
    decided_by: UserId | None
    earlier: list[DecisionAnswer]
    """Decisions that this one took the place of, the oldest first."""

    @classmethod
    def of(cls, seen: SeenFlag) -> Self:
        """Render a flag and the people whom it names."""
        return cls.model_validate(
            {
                **_facts(seen.flag),
                "user_id": seen.person.user_id,
                "display_name": seen.person.display_name,
                "other_user_id": seen.other and seen.other.user_id,
                "decided_by": seen.decider and seen.decider.user_id,
                "earlier": [DecisionAnswer.of(*one) for one in seen.past],
            }
        )


class FlagQuery(PageQuery):
    """Which flags."""

    decision: Decision | None = None


class DecisionBody(Body):
    """Whether the doubted quarter hours count."""

    decision: Literal["accept", "reject"]
    note: Prose | None = None
    changed_at: UtcTime | None = None
    """The flag's own, to be refused (`flag_changed`) when its data has changed since."""

    def said(self) -> Said:
        """Return it as the domain takes it."""
        return Said(DECISIONS[self.decision], self.note, self.changed_at)


def _facts(flag: Flag) -> dict[str, object]:
    computed = {
        "recorded": flag.slot_class,
        "date": flag.day,
        "slots": list(_slots(flag)),
    }
    plain = {name: getattr(flag, name) for name in FlagFacts.model_fields if name not in computed}
    return {**plain, **computed}


def _slots(flag: Flag) -> Iterator[DoubtedSlot]:
    midnight = datetime.combine(flag.day, time(), tzinfo=UTC)
    for number, value in enumerate(flag.slots):
        if value is not None:
            yield DoubtedSlot(start=midnight + number * QUARTER, value=in_units(value))
