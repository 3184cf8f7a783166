"""`flask --app web payouts export|confirm`: the manual rail's list, out and back as CSV."""

import csv
from collections import Counter
from collections.abc import Iterator
from typing import TextIO

import click
from flask.cli import with_appcontext

from domain import clock
from domain.ledger.currencies import written as in_words
from domain.payouts.manual_lists import Came, Line, Reception, Word, hear, open_lines
from web.db import front
from web.spreadsheets import harmless, written

PAGE = 2_000
TOLD = ("reference", "minor_units", "currency", "outcome", "note")
COLUMNS = (*TOLD, "amount", "destination", "display_name", "competition", "rank", "sent_at")
FINE = {Reception.TAKEN, Reception.KNOWN}


@click.command("export")
@click.argument("file", type=click.File("w", encoding="utf-8"), default="-")
@with_appcontext
def export(file: TextIO) -> None:
    """Write what people are to pay by hand, as CSV.

    `amount` is for people; `outcome` is empty: fill in `paid` or `returned`, with a `note` if there
    is something to say, and give the file to `payouts confirm`. Lines without an outcome stay on
    the list.
    """
    file.write(written([COLUMNS]))
    last = None
    while True:
        with front().unit() as unit:
            lines = open_lines(unit.session, last, PAGE)
        if not lines:
            return
        last = lines[-1].payout_id
        file.write(written(map(_cells, lines)))


@click.command("confirm")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"))
@with_appcontext
def confirm(file: TextIO) -> None:
    """Read what came of a list. The same file may be read again.

    Lines that do not fit are named and change nothing; then the exit status is 1.
    """
    counts: Counter[Reception] = Counter()
    for page in _pages(file):
        with front().unit() as unit:
            became = hear(unit.session, page, clock.now())
        counts.update(became.values())
        for word, reception in became.items():
            if reception not in FINE:
                click.echo(f"{word.reference}: {reception}", err=True)
    click.echo(", ".join(f"{counts[one]} {one}" for one in Reception if counts[one]) or "nothing")
    if counts.keys() - FINE:
        raise click.exceptions.Exit(1)


def _cells(line: Line) -> tuple[object, ...]:
    amount = in_words(line.amount, line.currency)
    names = (harmless(line.destination), harmless(line.display_name), harmless(line.competition))
    sent_at = line.sent_at.isoformat().replace("+00:00", "Z")
    told = (line.reference, line.amount, line.currency, "", "")
    return (*told, amount, *names, line.rank, sent_at)


def _pages(file: TextIO) -> Iterator[list[Word]]:
    """Yield the words of a file, none twice about a line in one page."""
    page: dict[str, Word] = {}
    for word in _words(file):
        if len(page) == PAGE or word.reference in page:
            yield list(page.values())
            page = {}
        page[word.reference] = word
    yield list(page.values())


def _words(file: TextIO) -> Iterator[Word]:
    """Yield what is said of lines. Raises ClickException for a file that is no such list."""
    rows = csv.DictReader(file)
    if missing := [name for name in TOLD[:-1] if name not in (rows.fieldnames or ())]:
        raise click.ClickException(f"the file has no column {', '.join(missing)}")
    for row in rows:
        outcome = (row["outcome"] or "").strip().lower()
        if not outcome:
            continue
        try:
            amount, came = int(row["minor_units"]), Came(outcome)
        except (TypeError, ValueError) as error:
            raise click.ClickException(f"line {rows.line_num}: {error}") from error
        note = (row.get("note") or "").strip() or None
        yield Word(row["reference"], amount, row["currency"], came, note)
