"""`flask --app web payouts …`: the switch, the limits, and the buttons of single payouts."""

import uuid
from collections.abc import Callable
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from domain import clock
from domain.errors import PodiumError
from domain.ledger.currencies import written
from domain.payouts import adjusting, gate
from domain.payouts.census import payouts_by_status
from domain.payouts.listing import story
from domain.payouts.row import OPERATOR, Row, Step
from domain.payouts.states import Action
from domain.payouts.steps import take_one
from models import Payout, PayoutStep
from models.payout import HoldReason
from web.db import front

payouts = AppGroup("payouts", help="Prizes on their way.")

Command = Callable[..., None]


def _with_ids(command: Command) -> Command:
    return click.argument("payout_ids", type=click.UUID, nargs=-1, required=True)(command)


def _with_why(command: Command) -> Command:
    return click.option("--why", required=True, help="Kept with the step.")(command)


@payouts.command("stop")
@click.argument("why")
@with_appcontext
def stop(why: str) -> None:
    """Let nothing leave any more, because of WHY. What is on its way goes on."""
    with front().unit() as unit:
        gate.stop(unit.session, why, clock.now())
    click.echo("Payouts are stopped.")


@payouts.command("resume")
@with_appcontext
def resume() -> None:
    """Let payouts leave again."""
    with front().unit() as unit:
        gate.resume(unit.session)
        unit.after_commit(lambda: front().doorbell.ring("payouts.pay"))
    click.echo("Payouts go on.")


@payouts.command("limit")
@click.argument("currency", metavar="CURRENCY")
@click.option("--per-day", type=click.IntRange(1), help="Minor units; no limit if left out.")
@click.option("--per-person-day", type=click.IntRange(1), help="The same for one person.")
@with_appcontext
def limit(currency: str, per_day: int | None, per_person_day: int | None) -> None:
    """Set how much of CURRENCY leaves in a UTC day. It holds from the next payout on."""
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha() and currency.isupper()):
        raise click.BadParameter("a code of ISO 4217, such as EUR", param_hint="CURRENCY")
    with front().unit() as unit:
        gate.limit(unit.session, currency, per_day, per_person_day, clock.now())
        unit.after_commit(lambda: front().doorbell.ring("payouts.pay"))
    click.echo(f"{currency}: {_most(per_day)} a day, {_most(per_person_day)} for one person")


@payouts.command("hold")
@_with_ids
@_with_why
@with_appcontext
def hold(payout_ids: tuple[uuid.UUID, ...], why: str) -> None:
    """Let payouts wait until they are released: those that are pending, held or failed."""
    _act(payout_ids, Action.HOLD, why)


@payouts.command("release")
@_with_ids
@click.option("--why", help="Kept with the step.")
@with_appcontext
def release(payout_ids: tuple[uuid.UUID, ...], why: str | None) -> None:
    """Let payouts go that are held, failed or returned. Doubts that are older hold them no more."""
    _act(payout_ids, Action.RELEASE, why)
    front().doorbell.ring("payouts.pay")


@payouts.command("deny")
@_with_ids
@_with_why
@with_appcontext
def deny(payout_ids: tuple[uuid.UUID, ...], why: str) -> None:
    """Say of payouts whose outcome is unknown that their rail has surely never moved anything.

    They are sent again, under a new key. A rail that keeps a list of its own is asked first, and
    what it has after all is noted as such. Of the manual rail only you can tell: if somebody did
    pay, they are paid twice.
    """
    # Not at the top: see `domain.payouts.rails.hosted`.
    from domain.payouts.rails.registry import open_rails
    from tasks.denying import Denying

    here = front()
    denying = Denying(here.unit, open_rails(here.settings))
    _each(payout_ids, lambda one: _state(denying.deny(one, why)))


@payouts.command("forfeit")
@_with_ids
@_with_why
@with_appcontext
def forfeit(payout_ids: tuple[uuid.UUID, ...], why: str) -> None:
    """Return the money of payouts that are held, failed or returned to their pools, for good."""
    _act(payout_ids, Action.FORFEIT, why)


@payouts.command("adjust")
@click.argument("adjustment_ids", type=click.UUID, nargs=-1, required=True)
@with_appcontext
def adjust(adjustment_ids: tuple[uuid.UUID, ...]) -> None:
    """Carry out approved adjustments that `ledger verify` finds in no payout.

    They were approved when nothing was paid of itself: what has been paid by other means since is
    paid again. What payouts say already stays as it is.
    """

    def make_up_for(adjustment_id: uuid.UUID) -> str:
        with front().unit() as unit:
            now = clock.now()
            lacked = adjusting.make_up_for(unit.session, adjustment_id, OPERATOR, now)
        return "carried out" if lacked else "carried out already"

    _each(adjustment_ids, make_up_for)
    front().doorbell.ring("payouts.pay")


@payouts.command("show")
@click.argument("payout_id", type=click.UUID, required=False)
@with_appcontext
def show(payout_id: uuid.UUID | None) -> None:
    """Show how a payout stands and all its steps; without an id, how all stand."""
    for line in _all_payouts() if payout_id is None else _one_payout(payout_id):
        click.echo(line)


def _act(payout_ids: tuple[uuid.UUID, ...], action: Action, why: str | None) -> None:
    """Take a step for each payout."""
    reason = HoldReason.OPERATOR if action is Action.HOLD else None

    def take(payout_id: uuid.UUID) -> str:
        step = Step(payout_id, action, OPERATOR, detail=why, hold_reason=reason)
        with front().unit() as unit:
            return _state(take_one(unit.session, step, clock.now()).after)

    _each(payout_ids, take)


def _each(ids: tuple[uuid.UUID, ...], act: Callable[[uuid.UUID], str]) -> None:
    """Do something about each id and say what it is then; the exit status is 1 if any refuses."""
    refused = 0
    for one in ids:
        try:
            is_now = act(one)
        except PodiumError as error:
            refused += 1
            click.echo(f"{one}: {error.detail}", err=True)
        else:
            click.echo(f"{one} is {is_now}")
    if refused:
        raise click.exceptions.Exit(1)


def _state(row: Row | Payout) -> str:
    return "forfeited" if row.forfeited_at else row.status


def _all_payouts() -> list[str]:
    with front().unit() as unit:
        stand = gate.enter(unit.session)
        limits = gate.limits(unit.session)
        counts = payouts_by_status(unit.session)
    found = [f"stopped: {stand.stopped_why}" if stand.stopped_at else "payouts leave"]
    found += [
        f"{one.currency}: {_most(one.per_day)} a day, {_most(one.per_person_day)} for one person"
        for one in limits
    ]
    return [*found, *(f"{number} {status}" for status, number in counts.items() if number)]


def _one_payout(payout_id: uuid.UUID) -> list[str]:
    with front().unit() as unit:
        try:
            payout, steps = story(unit.session, payout_id)
        except PodiumError as error:
            raise click.ClickException(error.detail) from error
    way = (payout.hold_reason, payout.rail, payout.destination, payout.reference)
    amount = f"{written(payout.amount, payout.currency)} {payout.currency}"
    return [_words(payout_id, amount, _state(payout), *way), *map(_written, steps)]


def _written(step: PayoutStep) -> str:
    at = f"{step.happened_at:%Y-%m-%d %H:%M:%S}"
    led = f"{step.action}: {step.before} to {step.after}"
    return _words(step.number, at, led, f"by {step.actor}", step.code, step.detail)


def _words(*words: Any) -> str:
    return "  ".join(str(one) for one in words if one is not None)


def _most(amount: int | None) -> str:
    return "any amount" if amount is None else f"at most {amount}"
