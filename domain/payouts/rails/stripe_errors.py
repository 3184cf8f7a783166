"""What the client's exceptions say about the money."""

import requests
import stripe
from urllib3.exceptions import MaxRetryError, NewConnectionError

from domain.errors import Duplicate, Refused, Retryable, Throttled, VendorError
from domain.payouts.rails.base import (
    AccountNotReady,
    AccountUnknown,
    BalanceInsufficient,
    NotExecuted,
    OutcomeUnknown,
)

IN_USE = "idempotency_key_in_use"


def of_sending(error: stripe.StripeError) -> VendorError:
    """Return how a transfer ended.

    Whatever is not surely known to have moved nothing may have: also an answer that cannot be
    read, and a call under the same key that is still under way (409).
    """
    match error:
        case stripe.RateLimitError():
            return _throttled(error)
        case stripe.IdempotencyError() if code_of(error) != IN_USE:
            return Duplicate("Stripe has seen this key with another order.")
        case stripe.APIConnectionError() if _never_left(error):
            return NotExecuted("Stripe was not reached.")
        case stripe.AuthenticationError():
            return NotExecuted("Stripe does not take our key.")
        case stripe.PermissionError() if code_of(error) != "account_invalid":
            return NotExecuted("Our key at Stripe may not make transfers.")
        case stripe.PermissionError() | stripe.InvalidRequestError() | stripe.CardError():
            return _refusal(error)
    return OutcomeUnknown("Stripe's answer was lost.")


def of_asking(error: stripe.StripeError) -> Retryable:
    """Return why a question had no answer."""
    if isinstance(error, stripe.RateLimitError):
        return _throttled(error)
    return Retryable(f"Stripe could not be asked: {code_of(error) or type(error).__name__}.")


def of_account(error: stripe.StripeError) -> VendorError:
    """Return why an account was not told of, made, or given a page."""
    if code_of(error) in {"account_invalid", "resource_missing"}:
        return AccountUnknown("Stripe knows no such account of ours.")
    return of_asking(error)


def code_of(error: stripe.StripeError) -> str | None:
    """Return Stripe's own code; the exception itself has it only for some kinds."""
    return error.error.code if error.error is not None else None


def _refusal(error: stripe.StripeError) -> Refused:
    param = getattr(error, "param", None)
    match code_of(error):
        case "balance_insufficient":
            return BalanceInsufficient("Our balance at Stripe does not hold the amount.")
        case "insufficient_capabilities_for_transfer":
            return AccountNotReady("The winner's account at Stripe cannot take money.")
        case "account_invalid":
            return AccountUnknown("Stripe knows no such account of ours.")
        case "resource_missing" if param == "destination":
            return AccountUnknown("Stripe knows no such account of ours.")
        case code:
            return Refused(f"Stripe refused the order: {code or param or 'no reason given'}.")


def _throttled(error: stripe.StripeError) -> Throttled:
    asked = (error.headers or {}).get("Retry-After", "")
    delay = float(asked) if asked.isdecimal() else None
    return Throttled("Stripe wants fewer calls.", delay=delay)


def _never_left(error: stripe.APIConnectionError) -> bool:
    """Say whether no connection was there to carry the order."""
    cause = error.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else None
    return isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)
