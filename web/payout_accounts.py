"""`/api/v1/me/payout-account`: where my prizes go."""

import re
from http import HTTPStatus

from flask import request

from domain import clock
from domain.errors import Invalid
from domain.payouts import accounts
from domain.payouts.accounts import Choice
from domain.payouts.rails.base import AccountUnknown
from domain.payouts.rails.hosted import Link, Opened
from models.rail import RailName
from web.api import Routes
from web.db import front
from web.idempotency import keep
from web.limits import PAYOUT_ACCOUNT
from web.people import Caller
from web.replies import Reply, reply
from web.schemas.payout_accounts import (
    OnboardingAnswer,
    OnboardingBody,
    PayoutAccountAnswer,
    PayoutAccountBody,
)

routes = Routes("prizes")

STRIPE_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{8,64}")
RAIL_OFF = "The rail is not set up here"


@routes.route(
    "GET",
    "/me/payout-account",
    PayoutAccountAnswer,
    refusals={HTTPStatus.NOT_FOUND: "I have not said where prizes go."},
)
def get(caller: Caller) -> Reply:
    """Show where my prizes go."""
    with front().unit() as unit:
        found = accounts.account_of(unit.session, caller.person.id)
        return reply(PayoutAccountAnswer.model_validate(found))


@routes.route(
    "PUT",
    "/me/payout-account",
    PayoutAccountAnswer,
    limit=PAYOUT_ACCOUNT,
    refusals={
        HTTPStatus.NOT_FOUND: "My own account was erased.",
        HTTPStatus.CONFLICT: f"The account is another person's. {RAIL_OFF}.",
        HTTPStatus.UNPROCESSABLE_ENTITY: "The rail knows no such account.",
    },
)
def put(caller: Caller, body: PayoutAccountBody) -> Reply:
    """Let my prizes go to this account. Prizes that waited for it are sent."""
    asked_at = clock.now()
    choice = Choice(body.rail, body.account, ready=True, checked_at=None)
    if body.rail is RailName.STRIPE:
        ready = _look(caller, body.account).ready
        choice = Choice(body.rail, body.account, ready, asked_at)
    with front().unit() as unit:
        made = accounts.choose(unit.session, caller.person.id, choice, clock.now())
        return reply(PayoutAccountAnswer.model_validate(made))


@routes.route(
    "POST",
    "/me/payout-account/onboarding",
    OnboardingAnswer,
    status=HTTPStatus.CREATED,
    limit=PAYOUT_ACCOUNT,
    refusals={HTTPStatus.CONFLICT: f"{RAIL_OFF}."},
)
def onboard(caller: Caller, body: OnboardingBody) -> Reply:
    """Get a page on which Stripe asks me for all it needs. Without an account I get one."""
    opened, link = _open(caller, body.return_url or request.url_root)
    choice = Choice(RailName.STRIPE, opened.account, opened.ready, clock.now())
    with front().unit() as unit:
        accounts.choose(unit.session, caller.person.id, choice, clock.now())
        answer = OnboardingAnswer(account=opened.account, url=link.url, expires_at=link.expires_at)
        return keep(unit, reply(answer, HTTPStatus.CREATED))


def _look(caller: Caller, account: str) -> Opened:
    """Ask Stripe for an account that is the caller's, or was connected by hand."""
    if not STRIPE_ACCOUNT.fullmatch(account):
        raise _unknown("Stripe's accounts look like acct_….")
    try:
        found = front().stripe.look(account)
    except AccountUnknown as error:
        raise _unknown(error.detail) from error
    if found.owner not in {None, str(caller.user_id)}:
        raise accounts.taken()
    return found


def _open(caller: Caller, return_url: str) -> tuple[Opened, Link]:
    """Return the caller's account at Stripe, a new one if need be, and its page."""
    stripe = front().stripe
    with front().unit() as unit:
        known = accounts.find_account(unit.session, caller.person.id)
    before = known.account if known is not None and known.rail is RailName.STRIPE else None
    if before is not None:
        try:
            return stripe.look(before), stripe.link(before, return_url)
        except AccountUnknown:
            pass  # it was withdrawn, so a new one takes its place
    opened = stripe.open(caller.user_id, instead_of=before)
    return opened, stripe.link(opened.account, return_url)


def _unknown(detail: str) -> Invalid:
    return Invalid(detail, loc=("body", "account"), code="payout_account_unknown")
