"""Who may do what: every route, in one table.

`web/admission.py` holds people and services to it, and the OpenAPI document is written from it. The
site does not start with a route that has no line here.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.api_key import KeyScope


class Right(enum.Enum):
    """Which people a door is open to."""

    ANYONE = "Anyone; no credential is looked at."
    SPECTATORS = "Anyone, where the competition is public."
    INSIDE = "Whoever asks directly from the networks inside."
    PEOPLE = "Whoever is signed in."
    OWNER = "The person whose it is."
    VISIBLE = "Whoever may see the competition: all a public one, and a private one its organiser,"
    " those who take part, and admins."
    INVITED = "Whoever is signed in; where the competition is private, its organiser, and others"
    " only with its invite code."
    PARTICIPANT = "Whoever takes part in the competition."
    CONCERNED = "The participant named, the competition's organiser, and admins."
    DIRECTORS = "The competition's organiser, and admins."
    ORGANISER = "The competition's organiser alone."
    ADMINS = "Admins."
    NOBODY = "No people."
    VENDOR = "The vendor, who signs what it tells."


OF_COMPETITIONS = frozenset(
    {
        Right.SPECTATORS,
        Right.VISIBLE,
        Right.PARTICIPANT,
        Right.CONCERNED,
        Right.DIRECTORS,
        Right.ORGANISER,
    }
)
"""Rights that are decided with the competition's row, in the unit of work of the request."""


@dataclass(frozen=True)
class Door:
    """Who may come through."""

    right: Right
    scope: KeyScope | None = None
    """What a service's key must be for; None keeps services out."""
    ticket: bool = False
    """Whether a ticket in the query stands for a token."""

    @property
    def needs_credential(self) -> bool:
        """Whether one is asked for before all else."""
        return self.right not in {Right.ANYONE, Right.SPECTATORS, Right.INSIDE, Right.VENDOR}

    @property
    def takes_people(self) -> bool:
        """Whether a person's token will do."""
        return self.right is not Right.NOBODY


API = "/api/v1"
COMPETITION = f"{API}/competitions/<uuid:competition_id>"
PARTICIPANT = f"{COMPETITION}/participants/<uuid:user_id>"
ADJUSTMENTS = f"{API}/prizes/adjustments/<uuid:competition_id>"
DISTRIBUTION = f"{API}/prizes/distribution/<uuid:competition_id>"
DOCS_ASSETS = "<any('swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'):name>"

DOORS: Mapping[str, Door] = MappingProxyType(
    {
        # the person
        f"GET {API}/me": Door(Right.PEOPLE),
        f"PATCH {API}/me": Door(Right.PEOPLE),
        f"DELETE {API}/me": Door(Right.PEOPLE),
        f"GET {API}/me/export": Door(Right.PEOPLE),
        f"GET {API}/me/payout-account": Door(Right.PEOPLE),
        f"PUT {API}/me/payout-account": Door(Right.PEOPLE),
        f"POST {API}/me/payout-account/onboarding": Door(Right.PEOPLE),
        # fitness
        f"POST {API}/fitness/connections": Door(Right.PEOPLE),
        f"GET {API}/fitness/connections": Door(Right.PEOPLE),
        f"DELETE {API}/fitness/connections/<uuid:connection_id>": Door(Right.OWNER),
        f"POST {API}/fitness/sync": Door(Right.PEOPLE),
        f"GET {API}/fitness/syncs/<uuid:sync_id>": Door(Right.OWNER),
        f"POST {API}/fitness/records": Door(Right.PEOPLE),
        f"GET {API}/fitness/sources": Door(Right.PEOPLE),
        f"PUT {API}/fitness/sources": Door(Right.PEOPLE),
        f"GET {API}/fitness/stats/<user_id>": Door(Right.OWNER),
        f"GET {API}/fitness/events": Door(Right.PEOPLE, ticket=True),
        # competitions
        f"POST {API}/competitions": Door(Right.PEOPLE),
        f"GET {API}/competitions": Door(Right.PEOPLE),
        f"GET {COMPETITION}": Door(Right.VISIBLE),
        f"PATCH {COMPETITION}": Door(Right.ORGANISER),
        f"GET {COMPETITION}/rules": Door(Right.VISIBLE),
        f"POST {COMPETITION}/copy": Door(Right.VISIBLE),
        f"POST {COMPETITION}/join": Door(Right.INVITED),
        f"POST {COMPETITION}/leave": Door(Right.PARTICIPANT),
        f"GET {COMPETITION}/participants": Door(Right.VISIBLE),
        f"POST {COMPETITION}/cancel": Door(Right.DIRECTORS, KeyScope.COMPETITIONS_WRITE),
        f"POST {COMPETITION}/end": Door(Right.DIRECTORS, KeyScope.COMPETITIONS_WRITE),
        f"GET {COMPETITION}/history": Door(Right.VISIBLE),
        f"POST {PARTICIPANT}/disqualify": Door(Right.DIRECTORS),
        f"POST {PARTICIPANT}/reinstate": Door(Right.DIRECTORS),
        f"GET {PARTICIPANT}/score": Door(Right.CONCERNED),
        f"GET {PARTICIPANT}/postings": Door(Right.CONCERNED),
        f"GET {COMPETITION}/flags": Door(Right.DIRECTORS),
        f"POST {COMPETITION}/flags/<uuid:flag_id>": Door(Right.DIRECTORS),
        f"GET {COMPETITION}/standing": Door(Right.VISIBLE),
        f"GET {COMPETITION}/standing.csv": Door(Right.VISIBLE),
        f"GET {COMPETITION}/standings": Door(Right.VISIBLE),
        # boards
        f"GET {API}/leaderboard/<uuid:competition_id>": Door(Right.VISIBLE),
        f"GET {API}/leaderboard/<uuid:competition_id>/events": Door(Right.VISIBLE, ticket=True),
        f"POST {API}/leaderboard/update": Door(Right.NOBODY, KeyScope.SCORES_WRITE),
        f"GET {API}/spectators/<uuid:competition_id>": Door(Right.SPECTATORS),
        f"GET {API}/spectators/<uuid:competition_id>/events": Door(Right.SPECTATORS),
        # prizes
        f"POST {COMPETITION}/fund": Door(Right.ADMINS, KeyScope.PRIZES_WRITE),
        f"POST {API}/prizes/calculate/<uuid:competition_id>": Door(
            Right.DIRECTORS, KeyScope.PRIZES_WRITE
        ),
        f"POST {API}/prizes/distribute/<uuid:competition_id>": Door(
            Right.ADMINS, KeyScope.PRIZES_WRITE
        ),
        f"GET {DISTRIBUTION}": Door(Right.VISIBLE, KeyScope.PRIZES_READ),
        f"GET {DISTRIBUTION}/payouts.csv": Door(Right.DIRECTORS, KeyScope.PRIZES_READ),
        f"GET {API}/prizes/history/<user_id>": Door(Right.OWNER),
        f"GET {ADJUSTMENTS}": Door(Right.ADMINS),
        f"POST {ADJUSTMENTS}": Door(Right.ADMINS),
        f"POST {ADJUSTMENTS}/<uuid:adjustment_id>/approve": Door(Right.ADMINS),
        # live
        f"POST {API}/live/tickets": Door(Right.PEOPLE),
        "SOCKET /ws/leaderboard/<competition_id>": Door(Right.VISIBLE, ticket=True),
        "SOCKET /ws/fitness": Door(Right.PEOPLE, ticket=True),
        # vendors
        "POST /webhooks/stripe": Door(Right.VENDOR),
        # the service
        "GET /health": Door(Right.ANYONE),
        "GET /health/ready": Door(Right.ANYONE),
        "GET /metrics": Door(Right.INSIDE, KeyScope.METRICS_READ),
        # pages and documents
        "GET /": Door(Right.ANYONE),
        "GET /live/<uuid:competition_id>": Door(Right.ANYONE),
        "GET /static/<path:name>": Door(Right.ANYONE),
        "GET /clients/js/<name>": Door(Right.ANYONE),
        "GET /page-config.json": Door(Right.ANYONE),
        "GET /openapi.json": Door(Right.ANYONE),
        "GET /asyncapi.json": Door(Right.ANYONE),
        "GET /docs": Door(Right.ANYONE),
        "GET /docs/": Door(Right.ANYONE),
        "GET /docs/start.js": Door(Right.ANYONE),
        f"GET /docs/{DOCS_ASSETS}": Door(Right.ANYONE),
    }
)


def door_of(method: str, rule: str) -> Door:
    """Return the door of a route, as Flask spells it. Raises LookupError for one without."""
    try:
        return DOORS[f"{method} {rule}"]
    except KeyError:
        raise LookupError(f"web/doors.py does not say who may {method} {rule}") from None
