"""Commands for operators: `flask --app web <group> <command>`."""

import click
import requests
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from web.db import front

SANDBOX_PASSWORD = "podium"  # noqa: S105  everyone's in the sandbox
TIMEOUT_SECONDS = 5

dev = AppGroup("dev", help="Only against the sandbox.")


def install(app: Flask) -> None:
    """Give `app` its commands."""
    app.cli.add_command(dev)


@dev.command("token")
@click.argument("email")
@with_appcontext
def token(email: str) -> None:
    """Print a sign-in token of one of the sandbox's people."""
    url = f"{front().settings.supabase_url}/auth/v1/token"
    try:
        answer = requests.post(
            url,
            params={"grant_type": "password"},
            json={"email": email, "password": SANDBOX_PASSWORD},
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
    except requests.RequestException as error:
        raise click.ClickException(f"{url} did not sign {email} in: {error}") from error
    click.echo(answer.json()["access_token"])
