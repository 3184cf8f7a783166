"""The variables of one run: what the user set, and what is filled in for the rest."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet
from dotenv import dotenv_values

from sandbox.ports import LOOPBACK, free_port, is_free
from sandbox.stripe.outbox import SECRET

STRIPE_KEY = "sk_test_sandbox"
"""The one that the sandbox's Stripe takes."""
DEFAULT_PORTS = {"PORT": 8000, "SANDBOX_PORT": 8090, "FLOWER_PORT": 5555}
GIVEN_NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "SUPABASE_JWT_SECRET",
    "GOOGLE_FIT_CALLS_PER_MINUTE",
    "GOOGLE_FIT_CALLS_PER_MINUTE_PER_PERSON",
    "GOOGLE_HEALTH_URL",
    "STRIPE_API_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_URL",
    "LOG_LEVEL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "SENTRY_DSN",
    "FLOWER_BASIC_AUTH",
)
"""Variables of the program that are handed on when they are set and never filled in."""


class BadVariable(ValueError):
    """The text is one line that names the variable."""


def given(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """What the user has set: the environment, and below it the file `.env`. Empty means not set."""
    file = {name: value or "" for name, value in dotenv_values(root / ".env").items()}
    return {name: value for name, value in {**file, **environ}.items() if value}


def choose_ports(environ: Mapping[str, str]) -> dict[str, str]:
    """The three ports. One that the user set must be free; a default that is taken is replaced."""
    chosen: dict[str, str] = {}
    for name, default in DEFAULT_PORTS.items():
        wanted = _port(name, environ.get(name, "0"))
        if wanted and not is_free(wanted):
            raise BadVariable(f"{name}: port {wanted} is taken")
        if not wanted:
            wanted = default if name not in environ and is_free(default) else free_port()
        chosen[name] = str(wanted)
    return chosen


def fill_in(environ: Mapping[str, str], servers: Mapping[str, str], local: Path) -> dict[str, str]:
    """All variables of the program for this run.

    `environ` holds the ports already, `servers` the URLs of the embedded servers.
    """
    sandbox = sandbox_url(environ)
    page = [f"http://{host}:{environ['PORT']}" for host in (LOOPBACK, "localhost")]
    defaults = {
        **servers,
        "SUPABASE_URL": sandbox,
        "GOOGLE_CLIENT_ID": "sandbox-client",
        "GOOGLE_CLIENT_SECRET": "sandbox-secret",
        "GOOGLE_TOKEN_URL": f"{sandbox}/token",
        "GOOGLE_REVOKE_URL": f"{sandbox}/revoke",
        "GOOGLE_FIT_URL": sandbox,
        "CORS_ORIGINS": ",".join(page),
        "LOG_FORMAT": "console",
    }
    if "STRIPE_API_KEY" not in environ:
        defaults |= {
            "STRIPE_API_KEY": STRIPE_KEY,
            "STRIPE_API_URL": sandbox,
            "STRIPE_WEBHOOK_SECRET": SECRET,
        }
    if "TOKEN_KEYS" not in environ:
        defaults["TOKEN_KEYS"] = token_key(local / "token.key")
    names = {*defaults, *DEFAULT_PORTS, *GIVEN_NAMES, "TOKEN_KEYS"}
    return {name: value for name, value in {**defaults, **environ}.items() if name in names}


def calmed(commands: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The commands; where no LOG_LEVEL is set, the site does not tell of every request."""
    if "LOG_LEVEL" in environ:
        return dict(commands)
    return {
        name: f"env LOG_LEVEL=WARNING {command}" if name == "web" else command
        for name, command in commands.items()
    }


def sandbox_url(environ: Mapping[str, str]) -> str:
    return f"http://{LOOPBACK}:{environ['SANDBOX_PORT']}"


def podium_url(environ: Mapping[str, str]) -> str:
    return f"http://{LOOPBACK}:{environ['PORT']}"


def token_key(path: Path) -> str:
    """A Fernet key made once: without it the stored refresh tokens could not be read again."""
    if not path.exists():
        write_private(path, Fernet.generate_key().decode())
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.rename(path)


def process_environment(environ: Mapping[str, str], root: Path) -> dict[str, str]:
    """For the processes: programs of this virtual environment first, the project importable."""
    programs = str(Path(sys.executable).parent)
    paths = [str(root), *filter(None, [environ.get("PYTHONPATH")])]
    return {
        **environ,
        "PATH": os.pathsep.join([programs, environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
    }


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise BadVariable(f"{name}: must be a port, 0 to 65535")
    return int(text)
