"""Prizes of one competition, from `final` to paid: `python -m bench.payouts [--winners 10000 ...]`.

Two ceilings, each measured in the same round on the very rows that the program has just made:

- awards shared out, posted and made payouts, beside one bare `INSERT … SELECT` of the same award,
  ledger and payout rows into the same tables with their triggers, in one transaction;
- payouts settled on the manual rail, claimed and put on the list and confirmed from it, beside a
  bare insert of the same ledger entries into the same table with its trigger.

Memory is the peak of this process, which does both; the smaller size comes first.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields

from sqlalchemy import text

from bench.stage import Stage, stage
from bench.winners import fill_final
from domain import clock
from domain.ledger.verify import verify
from domain.payouts.manual_lists import Came, Word, hear
from domain.payouts.rails.manual import ManualRail
from models.rail import RailName
from tasks.paying import Paying
from tasks.settling import Settling
from worker.unit import Unit, unit_of_work

MADE = ("award", "ledger_account", "ledger_transaction", "ledger_entry", "payout")
"""In the order in which they refer to each other."""
PAGE = 2_000
"""Lines that are confirmed at a time, as by `payouts confirm`."""
LIMIT_SECONDS = 3600.0

_UNPROTECTED = text("SET LOCAL session_replication_role = replica")
_PATIENT = text("SET LOCAL statement_timeout = 0")
_STEPS = text("""
    CREATE TABLE made_step AS SELECT e.* FROM ledger_entry e
    JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.kind IN ('send', 'success')
""")
_LINES = text("""
    SELECT reference, amount, currency FROM payout
    WHERE status = 'accepted' ORDER BY id LIMIT :limit
""")


@dataclass(frozen=True)
class Round:
    """Seconds, and the peak of memory in bytes."""

    bare: float
    awarded: float
    laid_out: float
    bare_entries: float
    settled: float
    peak: int


class Money:
    """What is done with the prizes of the one competition of a stage."""

    def __init__(self, on: Stage, winners: int) -> None:
        self.on, self.winners = on, winners
        self.competition_id = fill_final(on, winners)
        self.paying = Paying(self.unit, {RailName.MANUAL: ManualRail()})

    def unit(self) -> AbstractContextManager[Unit]:
        """Open a unit of work."""
        return unit_of_work(self.on.engine)

    def award(self) -> None:
        """Share the pool out as the sweep does."""
        settling = Settling(self.unit, time.monotonic() + LIMIT_SECONDS)
        while settling.calculate():
            pass

    def lay_out(self) -> None:
        """Make the payouts as the worker does."""
        while self.paying.lay_out():
            pass

    def settle(self) -> None:
        """Put all on the list, then confirm each line of it."""
        while self.paying.pay():
            pass
        while True:
            with self.unit() as unit:
                lines = unit.session.execute(_LINES, {"limit": PAGE}).all()
                words = [Word(row.reference, row.amount, row.currency, Came.PAID) for row in lines]
                hear(unit.session, words, clock.now())
            if not lines:
                return

    def keep(self) -> None:
        """Lay copies aside of what was made."""
        with self.on.engine.begin() as connection:
            connection.execute(_PATIENT)
            for table in MADE:
                connection.execute(text(f"DROP TABLE IF EXISTS made_{table}"))
                connection.execute(text(f"CREATE TABLE made_{table} AS TABLE {table}"))
        self.empty(MADE)

    def insert(self) -> None:
        """Do the least that there is to do for awards and payouts."""
        with self.on.engine.begin() as connection:
            connection.execute(_PATIENT)
            for table in MADE:
                rows = f"INSERT INTO {table} SELECT * FROM made_{table}"  # noqa: S608  our own
                connection.execute(text(rows))

    def keep_steps(self) -> None:
        """Lay copies aside of what the settling entered into the ledger, and take it out there."""
        with self.on.engine.begin() as connection:
            connection.execute(_PATIENT)
            connection.execute(text("DROP TABLE IF EXISTS made_step"))
            connection.execute(_STEPS)
        self.empty(["ledger_entry"])

    def insert_steps(self) -> None:
        """Do the least that there is to do for settling."""
        with self.on.engine.begin() as connection:
            connection.execute(_PATIENT)
            connection.execute(text("INSERT INTO ledger_entry SELECT * FROM made_step"))

    def empty(self, tables: Sequence[str]) -> None:
        """Empty tables that triggers protect."""
        with self.on.engine.begin() as connection:
            connection.execute(_UNPROTECTED)
            connection.execute(text(f"TRUNCATE {', '.join(tables)} CASCADE"))

    def check(self) -> None:
        """Fail unless everybody was paid and every unit is where it belongs."""
        with self.unit() as unit:
            report = verify(unit.session)
        if report.findings or report.transactions != 3 * self.winners + 1:
            raise RuntimeError(f"{len(report.findings)} findings, {report.transactions} movements")


def seconds(job: Callable[[], None]) -> float:
    """Return how long a job takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def measure(on: Stage, winners: int) -> Round:
    """Do one round."""
    money = Money(on, winners)
    on.settle()
    awarded, laid_out = seconds(money.award), seconds(money.lay_out)
    money.keep()
    on.settle()
    bare = seconds(money.insert)
    on.settle()
    settled = seconds(money.settle)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    money.check()
    money.keep_steps()
    on.settle()
    return Round(bare, awarded, laid_out, seconds(money.insert_steps), settled, peak)


def report(winners: int, rounds: list[Round]) -> None:
    """Print a table. Ratios are taken within a round, so that a busy machine weighs on both."""
    bare, awarded, laid_out, entries, settled, peak = (
        statistics.median(getattr(one, field.name) for one in rounds) for field in fields(Round)
    )
    made = statistics.median(one.bare / (one.awarded + one.laid_out) for one in rounds)
    paid = statistics.median(one.bare_entries / one.settled for one in rounds)
    entries, settled = winners / entries, winners / settled
    print(f"{winners:,} winners; medians of {len(rounds)} rounds; peak {peak / 2**20:.0f} MiB")
    print(f"  bare award, ledger and payout rows  {bare:.2f} s")
    print(f"  awards {awarded:.2f} s, payouts {laid_out:.2f} s  ratio {made:.2f} (to reach: 0.50)")
    print(f"  bare ledger entries                 of {entries:.0f} payouts a second")
    print(f"  settled on the manual rail          {settled:.0f} payouts a second")
    print(f"                                      ratio {paid:.2f} (to reach: 0.40)", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--winners", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="of the first size; later ones: one")
    asked = parser.parse_args()
    with stage() as on:
        for place, winners in enumerate(asked.winners):
            rounds = 1 if place else asked.rounds
            report(winners, [measure(on, winners) for _ in range(rounds)])


if __name__ == "__main__":
    main()
