"""A wrong variable is named in one line, which does not tell what was in it."""

import pytest
from cryptography.fernet import Fernet

from domain.settings import load_or_exit

GOOD = {
    "DATABASE_URL": "postgresql://127.0.0.1:9/x",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "SUPABASE_URL": "http://127.0.0.1:9",
    "GOOGLE_CLIENT_ID": "client",
    "GOOGLE_CLIENT_SECRET": "secret",
    "TOKEN_KEYS": Fernet.generate_key().decode(),
}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://x"),
        ("REDIS_URL", "http://x"),
        ("CELERY_BROKER_URL", "kafka://x"),
        ("SUPABASE_URL", "x-y"),
        ("GOOGLE_CLIENT_ID", ""),
        ("TOKEN_KEYS", "short-one"),
        ("PORT", "70000"),
        ("LOG_FORMAT", "xml-like"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy-one"),
        ("METRICS_NETWORKS", "10.0.0.1/8"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SystemExit) as ended:
        load_or_exit({**GOOD, variable: value})
    line = str(ended.value)
    assert line.startswith(f"podium: {variable}: ")
    assert "\n" not in line
    assert not value or value not in line


def test_right_ones_are_taken() -> None:
    assert load_or_exit(GOOD).supabase_url == GOOD["SUPABASE_URL"]
