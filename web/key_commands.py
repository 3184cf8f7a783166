"""`flask --app web api-key`: keys of services."""

from datetime import datetime, timedelta

import click
from flask.cli import AppGroup, with_appcontext

from domain import api_keys, clock
from domain.errors import PodiumError
from models import ApiKey
from models.api_key import KeyScope
from web.db import front
from web.services import FRESH_SECONDS

SCOPE = click.Choice([scope.value for scope in KeyScope])

keys = AppGroup("api-key", help="Keys of services.")


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=SCOPE, multiple=True, required=True)
@click.option(
    "--days", type=click.IntRange(1, 3650), help="How long it is good; for ever if left out."
)
@with_appcontext
def create(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a key for the service NAME and show it, this once.

    Keys of one NAME are one caller; `rotate` replaces a key.
    """
    now = clock.now()
    expires_at = None if days is None else now + timedelta(days=days)
    with front().unit() as unit:
        made = api_keys.create(unit.session, name, set(map(KeyScope, scopes)), expires_at, now)
    click.echo(made.key)
    click.echo("It is not shown again.", err=True)


@keys.command("list")
@with_appcontext
def list_() -> None:
    """Show all keys: prefix, service, scopes, state, when made, when last used."""
    now = clock.now()
    with front().unit() as unit:
        rows = api_keys.list_keys(unit.session)
    for row in rows:
        used = f"used {_minute(row.last_used_at)}" if row.last_used_at else "never used"
        made = f"made {_minute(row.created_at)}"
        click.echo(
            "  ".join((row.prefix, row.name, ",".join(row.scopes), _state(row, now), made, used))
        )


@keys.command("revoke")
@click.argument("prefix")
@with_appcontext
def revoke(prefix: str) -> None:
    """End the key that begins with PREFIX, for good."""
    prefix = api_keys.prefix_of(prefix)
    with front().unit() as unit:
        row = api_keys.revoke(unit.session, prefix, clock.now())
    if row is None:
        raise click.ClickException(f"no key has the prefix {prefix}")
    click.echo(f"{prefix} of {row.name} opens nothing from {FRESH_SECONDS:.0f} seconds on")


@keys.command("rotate")
@click.argument("prefix")
@click.option(
    "--overlap",
    "hours",
    type=click.IntRange(0, 24 * 90),
    default=24,
    show_default=True,
    help="Hours for which the old key still opens.",
)
@with_appcontext
def rotate(prefix: str, hours: int) -> None:
    """Replace the key that begins with PREFIX, and show the new one, this once.

    Meanwhile both are the same caller: a request that was sent with the old key and is repeated
    with the new one gets its first answer.
    """
    prefix, now = api_keys.prefix_of(prefix), clock.now()
    try:
        with front().unit() as unit:
            made = api_keys.rotate(unit.session, prefix, timedelta(hours=hours), now)
    except PodiumError as error:
        raise click.ClickException(error.detail) from error
    click.echo(made.key)
    until = _minute(now + timedelta(hours=hours))
    click.echo(f"It is not shown again. {prefix} opens until {until} at the latest.", err=True)


def _state(row: ApiKey, now: datetime) -> str:
    if row.revoked_at is not None:
        return f"revoked {_minute(row.revoked_at)}"
    if row.expires_at is None:
        return "good"
    return f"{'expired' if row.expires_at <= now else 'good until'} {_minute(row.expires_at)}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
