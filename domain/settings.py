"""Settings: one typed object, read once from the environment."""

import sys
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

RUN_ENVIRONMENT = Path(".local/run.env")
"""Written by `make run` while it runs, so that commands beside it find its servers."""


class SettingsError(Exception):
    """A variable is missing or malformed; the text is one line that names it."""


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must be a postgresql:// URL")
    return f"postgresql+psycopg://{rest}"


def _redis_url(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be a redis:// URL")
    return url


def _broker_url(url: str) -> str:
    if not url.startswith(("redis://", "rediss://", "sentinel://", "amqp://", "amqps://")):
        raise ValueError("must be a redis://, sentinel:// or amqp:// URL")
    return url


def _web_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must be an http:// or https:// URL")
    return url.rstrip("/")


def _fernet_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("needs at least one Fernet key")
    for key in keys:
        try:
            Fernet(key)
        except ValueError as error:
            raise ValueError("must be Fernet keys: 32 bytes each, url-safe base64") from error
    return keys


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Network = IPv4Network | IPv6Network
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"))
)

WebUrl = Annotated[str, AfterValidator(_web_url)]
Words = Annotated[tuple[str, ...], BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_split)]
CallsPerMinute = Annotated[int, Field(ge=30)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseModel):
    """All variables of the contract, section 6. Field names are the variables in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database_url: Annotated[str, AfterValidator(_database_url)] = Field(repr=False)
    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(repr=False)
    celery_broker_url: Annotated[str, AfterValidator(_broker_url)] = Field(repr=False)
    supabase_url: WebUrl
    supabase_jwt_secret: str | None = Field(default=None, repr=False)
    google_client_id: str
    google_client_secret: str = Field(repr=False)
    google_token_url: WebUrl = "https://oauth2.googleapis.com/token"  # noqa: S105  an address
    google_revoke_url: WebUrl = "https://oauth2.googleapis.com/revoke"
    google_fit_url: WebUrl = "https://fitness.googleapis.com"
    google_fit_calls_per_minute: CallsPerMinute = 3000
    google_fit_calls_per_minute_per_person: CallsPerMinute = 300
    stripe_api_key: str | None = Field(default=None, repr=False)
    stripe_webhook_secret: Words = Field(default=(), repr=False)
    stripe_api_url: WebUrl = "https://api.stripe.com"
    token_keys: Annotated[Words, AfterValidator(_fernet_keys)] = Field(repr=False)
    cors_origins: Words = ()
    trusted_proxies: Networks = LOOPBACK
    metrics_networks: Networks = LOOPBACK + PRIVATE
    live_connections: Count = 10_000
    live_connections_per_address: Count = 5_000
    live_connections_per_person: Count = 20
    otel_exporter_otlp_endpoint: WebUrl | None = None
    sentry_dsn: WebUrl | None = Field(default=None, repr=False)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    port: Port = 8000
    flower_port: Port = 5555
    flower_basic_auth: str | None = Field(default=None, repr=False)
    sandbox_port: Port = 8090

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from `environ`. Raises SettingsError for the first wrong variable."""
        given = {name.lower(): value for name, value in environ.items() if value != ""}
        given.setdefault("celery_broker_url", given.get("redis_url", ""))
        wanted = {name: given[name] for name in cls.model_fields if given.get(name)}
        try:
            return cls.model_validate(wanted)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            name = str(first["loc"][0]).upper()
            reason = "is not set" if first["type"] == "missing" else first["msg"]
            raise SettingsError(f"{name}: {reason.removeprefix('Value error, ')}") from None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ`, completed by what a `make run` in this folder has filled in."""
    found = dotenv_values(RUN_ENVIRONMENT) if RUN_ENVIRONMENT.exists() else {}
    return {**{name: value for name, value in found.items() if value}, **environ}


def load_or_exit(environ: Mapping[str, str]) -> Settings:
    """Read the settings of a process that starts; a wrong one ends it with one line."""
    try:
        return Settings.load(environment(environ))
    except SettingsError as error:
        sys.exit(f"podium: {error}")
