"""Explanations of scores. Values are in the metric's unit, with up to three decimals."""

import uuid
from datetime import date
from typing import Self

from domain.scoring.explain import Explanation, SourcePart, Why
from models.slots import Metric, SlotClass
from models.source import SourceKind
from web.schemas.competitions import ScoringAnswer
from web.schemas.fields import Answer, in_units
from web.schemas.flags import FlagFacts
from web.schemas.postings import PostingLine


class PartAnswer(Answer):
    """What one source had on a day at the cut-off: `counted` and `dropped` are all of it.

    `flagged` is a part of `dropped`; `why` is the reason of the rest, if there is any.
    """

    source: str
    kind: SourceKind
    provider: str
    app: str | None
    manufacturer: str | None
    model: str | None
    recorded: SlotClass
    counted: float
    dropped: float
    flagged: float
    why: Why | None
    late: float
    """What came after the cut-off and is not counted; negative where data was taken back."""

    @classmethod
    def of(cls, part: SourcePart) -> Self:
        """Render a part."""
        return cls(
            source=part.source,
            kind=part.kind,
            provider=part.provider,
            app=part.app,
            manufacturer=part.manufacturer,
            model=part.model,
            recorded=part.slot_class,
            counted=in_units(part.counted),
            dropped=in_units(part.dropped),
            flagged=in_units(part.flagged),
            why=part.why,
            late=in_units(part.late),
        )


class DayAnswer(Answer):
    """A day of the competition's zone: its sources' `counted` less `over_cap` is its own."""

    date: date
    counted: float
    cap: int | None
    over_cap: float
    sources: list[PartAnswer]


class ExplanationAnswer(Answer):
    """A score, its days and its postings. `score` is `computed` and `posted`.

    `computed` is what the days come to, cut where `score` would be above 2^53 - 1.
    """

    competition_id: uuid.UUID
    user_id: uuid.UUID
    metric: Metric
    scoring: ScoringAnswer
    score: int
    computed: int
    posted: int
    days: list[DayAnswer]
    flags: list[FlagFacts]
    """Doubts about this data, and what was decided."""
    posting_count: int
    postings: list[PostingLine]
    """The latest 100, in order of time; the last one's `after` is `posted`. All of them, page by
    page, are at `.../postings`."""

    @classmethod
    def of(cls, found: Explanation) -> Self:
        """Render an explanation."""
        competition, participant = found.competition, found.participant
        return cls(
            competition_id=competition.id,
            user_id=participant.user_id,
            metric=competition.metric,
            scoring=ScoringAnswer(kind=competition.scoring, goal=competition.goal),
            score=participant.score,
            computed=participant.computed,
            posted=participant.posted,
            days=[
                DayAnswer(
                    date=day.day,
                    counted=in_units(day.counted),
                    cap=competition.daily_cap,
                    over_cap=in_units(day.over_cap),
                    sources=[PartAnswer.of(part) for part in day.parts],
                )
                for day in found.days
            ],
            flags=[FlagFacts.of_flag(flag) for flag in found.flags],
            posting_count=found.postings.count,
            postings=[PostingLine.of(line) for line in found.postings.lines],
        )
