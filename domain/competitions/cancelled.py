"""What is refused once a competition was called off."""

from domain.errors import Conflict
from models import Competition
from models.competition import CompetitionStatus


def refuse_cancelled(competition: Competition) -> None:
    """Raise Conflict (`competition_cancelled`) if it was."""
    if competition.status is CompetitionStatus.CANCELLED:
        raise Conflict("It was cancelled.", code="competition_cancelled")
