"""Commands for operators: `flask --app web <group> <command>`."""

import uuid

import click
import requests
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from domain.errors import Conflict
from domain.fitness.token_keys import Rotation, rotate_page
from tasks.counting import recompute_all
from web.board_commands import boards
from web.db import front
from web.key_commands import keys
from web.ledger_commands import ledger
from web.manual_commands import confirm, export
from web.payout_commands import payouts
from web.reconcile_commands import reconcile

SANDBOX_PASSWORD = "podium"  # noqa: S105  everyone's in the sandbox
TIMEOUT_SECONDS = 5

PAGE = 200

dev = AppGroup("dev", help="Only against the sandbox.")
scores = AppGroup("scores", help="Scores of participants.")
tokens = AppGroup("tokens", help="Vendors' tokens.")


def install(app: Flask) -> None:
    """Give `app` its commands."""
    app.cli.add_command(dev)
    app.cli.add_command(scores)
    app.cli.add_command(tokens)
    app.cli.add_command(keys)
    app.cli.add_command(boards)
    app.cli.add_command(ledger)
    app.cli.add_command(payouts)
    payouts.add_command(export)
    payouts.add_command(confirm)
    payouts.add_command(reconcile)


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


@tokens.command("rotate")
@with_appcontext
def rotate() -> None:
    """Encrypt all tokens with the newest of TOKEN_KEYS.

    Put the new key first, restart all processes, run this until nothing is resealed or overtaken,
    then drop the old key. It may be stopped and run again, and runs beside the workers.
    """
    done = Rotation()
    more = True
    while more:
        with front().unit() as unit:
            more = rotate_page(unit.session, front().vault, done, PAGE)
    click.echo(
        f"{done.seen} connections: {done.resealed} resealed, {done.overtaken} overtaken by a"
        f" refresh, {done.unreadable} unreadable"
    )
    if done.unreadable:
        raise click.ClickException("no key of TOKEN_KEYS opens some tokens")


@scores.command("recompute")
@click.argument("competition_id", type=click.UUID)
@click.option("--after", default=0, help="Go on after this person, as was printed.")
@click.option("--sessions", default=2, help="How many pages are counted at a time.")
@with_appcontext
def recompute(competition_id: uuid.UUID, after: int, sessions: int) -> None:
    """Count every day of everyone anew from the slots; what differed is put right.

    It works in short transactions beside everything else, and may be stopped and run again.
    """
    changed, ring = 0, front().doorbell.ring
    try:
        for page in recompute_all(
            front().unit,
            competition_id,
            after=after,
            sessions=sessions,
            changed=lambda: ring("leaderboards.flush"),
        ):
            after, changed = page.last, changed + page.changed
    except Conflict as conflict:
        raise click.ClickException(conflict.detail) from conflict
    click.echo(f"{changed} scores differed; the last person was {after}")
