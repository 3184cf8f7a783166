"""Rulings on participants."""

from web.schemas.fields import Body, Reason


class RulingBody(Body):
    """Why; the participant may read it."""

    reason: Reason
