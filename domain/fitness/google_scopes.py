"""What of Google's consent our metrics need. A person may untick any of it."""

from collections.abc import Collection
from dataclasses import dataclass

from models.slots import Metric

ACTIVITY_SCOPE = "https://www.googleapis.com/auth/fitness.activity.read"
LOCATION_SCOPE = "https://www.googleapis.com/auth/fitness.location.read"
SCOPE_OF = dict.fromkeys(Metric, ACTIVITY_SCOPE) | {Metric.DISTANCE: LOCATION_SCOPE}


@dataclass(frozen=True)
class MissingScope:
    """A scope that was not granted, and what cannot be read without it."""

    scope: str
    metrics: list[Metric]


def missing_scopes(granted: Collection[str]) -> list[MissingScope]:
    """Return what a grant lacks."""
    missing = dict.fromkeys(scope for scope in SCOPE_OF.values() if scope not in granted)
    return [
        MissingScope(scope, [metric for metric in Metric if SCOPE_OF[metric] == scope])
        for scope in missing
    ]
