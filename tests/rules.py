"""How often a rule is tried where each example costs calls to servers.

A few times in `make test`, ten times as often in `make soak`, like all rules: see the profile in
`tests/conftest.py`.
"""

from hypothesis import HealthCheck, settings

ON_SERVERS = settings(
    max_examples=settings().max_examples // 8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
