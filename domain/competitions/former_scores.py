"""What people's scores were in versions of a standing before one that changed them."""

from sqlalchemy.orm import Session

from models import FormerScore, Participant, Standing

FORMER = """
    SELECT DISTINCT ON (person_id) person_id, computed + posted AS score, computed, posted
    FROM former_score WHERE competition_id = :competition_id AND standing_id > :id
    ORDER BY person_id, standing_id
"""
"""Scores of the version `id` that are not those of the participants any more."""


def former_score(participant: Participant) -> FormerScore:
    """Return what a participant has now, to be kept when that changes."""
    return FormerScore(
        competition_id=participant.competition_id,
        person_id=participant.person_id,
        computed=participant.computed,
        posted=participant.posted,
    )


def keep_former(session: Session, former: FormerScore, standing: Standing) -> None:
    """Keep a score for all versions before the one that is begun with another."""
    former.standing_id = standing.id
    session.add(former)
    session.flush()
