"""The program as its processes see it, with settings that lead nowhere."""

from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet

from domain.settings import Settings
from worker.app import make_app
from worker.resources import PodiumCelery

NOWHERE = "127.0.0.1:9"
PASSWORDS = {
    "DATABASE_URL": "database-password",
    "REDIS_URL": "redis-password",
    "CELERY_BROKER_URL": "broker-password",
    "SUPABASE_JWT_SECRET": "a-shared-secret-of-at-least-32-bytes",
    "GOOGLE_CLIENT_SECRET": "google-client-secret",
    "FLOWER_BASIC_AUTH": "flower-password",
    "STRIPE_API_KEY": "stripe-api-key",
    "STRIPE_WEBHOOK_SECRET": "stripe-webhook-secret",
    "TOKEN_KEYS": Fernet.generate_key().decode(),
}
"""What is secret in each variable."""
SCHEMES = {
    "DATABASE_URL": f"postgresql://podium:{{}}@{NOWHERE}/podium",
    "REDIS_URL": f"redis://:{{}}@{NOWHERE}/0",
    "CELERY_BROKER_URL": f"amqp://podium:{{}}@{NOWHERE}//",
    "FLOWER_BASIC_AUTH": "operator:{}",
}


@pytest.fixture
def settings_to_nowhere() -> Settings:
    """Settings for what opens no connection."""
    secrets = {name: SCHEMES.get(name, "{}").format(word) for name, word in PASSWORDS.items()}
    addresses = ("SUPABASE_URL", "GOOGLE_TOKEN_URL", "GOOGLE_REVOKE_URL", "GOOGLE_FIT_URL")
    vendors = dict.fromkeys(addresses, f"http://{NOWHERE}")
    return Settings.load(
        {**secrets, **vendors, "GOOGLE_CLIENT_ID": "client", "LOG_FORMAT": "console"}
    )


@pytest.fixture
def worker_app(settings_to_nowhere: Settings) -> Iterator[PodiumCelery]:
    """The Celery application with all tasks that it knows of by itself."""
    made = make_app(settings_to_nowhere)
    with made:
        made.loader.import_default_modules()
        yield made
