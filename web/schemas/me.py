"""The caller's own account."""

from web.schemas.fields import Answer, Body, Name, TimeZone, UserId, UtcTime


class Me(Answer):
    """Who I am here."""

    user_id: UserId
    display_name: str
    timezone: str
    created_at: UtcTime


class MeChange(Body):
    """What to change; what is left out stays."""

    display_name: Name | None = None
    timezone: TimeZone | None = None
