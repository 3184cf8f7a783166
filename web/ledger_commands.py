"""`flask --app web ledger verify`."""

import click
from flask.cli import AppGroup, with_appcontext

from domain.ledger.verify import verify
from web.db import front

ledger = AppGroup("ledger", help="The ledger of prize money.")


@ledger.command("verify")
@with_appcontext
def verify_ledger() -> None:
    """Prove that everything balances and that all money lies where the prizes and payouts say.

    It runs beside the workers. The exit status is 1 if something is wrong.
    """
    with front().unit() as unit:
        report = verify(unit.session)
    for finding in report.findings:
        click.echo(f"{finding.check}: {finding.subject} {finding.detail}")
    click.echo(
        f"{report.transactions} transactions, {report.accounts} accounts, {report.awards} awards,"
        f" {report.payouts} payouts; {len(report.findings)} findings"
    )
    if report.findings:
        raise click.exceptions.Exit(1)
