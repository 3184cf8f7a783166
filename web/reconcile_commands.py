"""`flask --app web payouts reconcile`: a rail's own list, compared now."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import click
from flask.cli import with_appcontext

from domain import clock
from domain.errors import PodiumError
from domain.ledger.currencies import written
from models.rail import RailName
from models.reconciliation import Difference
from web.db import front

if TYPE_CHECKING:
    from tasks.reconciling import Reconciling

RAIL = click.Choice([rail.value for rail in RailName])
DAY = click.DateTime(["%Y-%m-%d"])


@click.command("reconcile")
@click.option("--since", type=DAY, help="The first UTC day; yesterday if left out.")
@click.option("--rail", type=RAIL, help="Only this one.")
@click.option("--settle", is_flag=True, help="Note as paid what the rail has carried.")
@with_appcontext
def reconcile(since: datetime | None, rail: str | None, settle: bool) -> None:
    """Compare rails' own lists with payouts, day by day until today.

    With `--settle`, after a restore and while payouts are stopped, payouts that the rail has
    carried are noted as paid first. The exit status is 1 if something differs.
    """
    # Not at the top: see `domain.payouts.rails.hosted`.
    from domain.payouts.rails.registry import open_rails
    from tasks.reconciling import Reconciling

    here = front()
    reconciling = Reconciling(here.unit, open_rails(here.settings))
    first = clock.now().date() - timedelta(days=1) if since is None else since.date()
    differences = 0
    for name in reconciling.rails if rail is None else [RailName(rail)]:
        try:
            differences += sum(_compare(reconciling, name, first, settle=settle))
        except PodiumError as error:
            raise click.ClickException(f"{name}: {error.detail}") from error
    if differences:
        raise click.exceptions.Exit(1)


def _compare(
    reconciling: "Reconciling", rail: RailName, first: date, *, settle: bool
) -> Iterator[int]:
    if rail not in reconciling.rails:
        raise click.ClickException(f"{rail} is off, or keeps no list of its own")
    if settle:
        since = datetime.combine(first, time(), tzinfo=UTC)
        settled = reconciling.take_over(rail, since)
        click.echo(f"{rail}: {settled} payouts were carried already")
    for number in range((clock.now().date() - first).days + 1):
        day = first + timedelta(days=number)
        found = reconciling.compare(rail, day)
        click.echo(f"{rail} {day}: {len(found)} differences")
        _show(found)
        yield len(found)


def _show(found: Sequence[Difference]) -> None:
    for one in found:
        words = [one.kind, one.reference or "", f"payout {one.payout_id or 'none'}"]
        for whose, amount in (("ours", one.ours), ("theirs", one.theirs)):
            if amount is not None:
                words.append(f"{whose} {written(amount, one.currency or '')} {one.currency}")
        click.echo("  " + "  ".join(words))
