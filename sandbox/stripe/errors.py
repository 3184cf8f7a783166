"""Stripe's refusals, in its own shapes."""

from dataclasses import dataclass
from typing import Any

CODES_PAGE = "https://stripe.com/docs/error-codes/"


@dataclass(eq=False)
class StripeError(Exception):
    status: int
    message: str
    code: str | None = None
    param: str | None = None
    kind: str = "invalid_request_error"
    executed: bool = False
    """Whether the call had begun to be carried out, so that its key remembers the refusal."""

    @property
    def body(self) -> dict[str, Any]:
        error = {"message": self.message, "type": self.kind}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = CODES_PAGE + self.code.replace("_", "-")
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


def key_invalid(given: str) -> StripeError:
    if not given:
        return StripeError(401, "You did not provide an API key.")
    return StripeError(401, f"Invalid API Key provided: {given[:8]}****{given[-4:]}")


def unrecognised(method: str, path: str) -> StripeError:
    return StripeError(404, f"Unrecognized request URL ({method}: {path}).")


def missing(param: str) -> StripeError:
    return StripeError(400, f"Missing required param: {param}.", "parameter_missing", param)


def unknown(param: str) -> StripeError:
    return StripeError(400, f"Received unknown parameter: {param}", "parameter_unknown", param)


def not_an_integer(param: str, given: str) -> StripeError:
    return StripeError(400, f"Invalid integer: {given}", "parameter_invalid_integer", param)


def invalid(param: str, message: str) -> StripeError:
    return StripeError(400, message, param=param)


def no_such(noun: str, id_: str, *, param: str, status: int) -> StripeError:
    return StripeError(status, f"No such {noun}: '{id_}'", "resource_missing", param)


def account_invalid(id_: str) -> StripeError:
    message = (
        f"The provided key does not have access to account '{id_}' (or that account does not"
        " exist). Application access may have been revoked."
    )
    return StripeError(403, message, "account_invalid")


def balance_insufficient() -> StripeError:
    message = "You have insufficient available funds in your Stripe account."
    return StripeError(400, message, "balance_insufficient", executed=True)


def capability_missing() -> StripeError:
    message = (
        "Your destination account needs to have at least one of the following capabilities"
        " enabled: transfers, crypto_transfers, legacy_payments"
    )
    return StripeError(400, message, "insufficient_capabilities_for_transfer", executed=True)


def key_mismatch(key: str) -> StripeError:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first"
        f" used with. Try using a key other than '{key}' if you meant to execute a different"
        " request."
    )
    return StripeError(400, message, kind="idempotency_error")


def key_in_use(key: str) -> StripeError:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably"
        f" means you submitted twice, and the other request is still going through): {key}."
        " Please try again later."
    )
    return StripeError(409, message, "idempotency_key_in_use", kind="idempotency_error")


def api_error(status: int = 500) -> StripeError:
    message = "An unknown error occurred"
    return StripeError(status, message, kind="api_error", executed=True)


NAMED = {
    "stripe_key_invalid": key_invalid("sk_test_revoked"),
    "stripe_permission_missing": StripeError(
        403, "The provided key does not have the required permissions for this endpoint."
    ),
    "stripe_account_invalid": account_invalid("acct_gone"),
    "stripe_no_such_destination": no_such(
        "destination", "acct_gone", param="destination", status=400
    ),
    "stripe_balance_insufficient": balance_insufficient(),
    "stripe_capability_missing": capability_missing(),
    "stripe_key_in_use": key_in_use("key"),
    "stripe_key_mismatch": key_mismatch("key"),
    "stripe_rate_limit": StripeError(429, "Request rate limit exceeded.", "rate_limit"),
    "stripe_lock_timeout": StripeError(
        429,
        "This object cannot be accessed right now because another API request or Stripe process"
        " is currently accessing it.",
        "lock_timeout",
    ),
    "stripe_api_error": api_error(),
}
"""By the name that a fault asks for."""

BY_STATUS = {
    400: "stripe_balance_insufficient",
    401: "stripe_key_invalid",
    403: "stripe_permission_missing",
    409: "stripe_key_in_use",
    429: "stripe_rate_limit",
}
"""What a fault answers that names a status only; all else is an API error."""
