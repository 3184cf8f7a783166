"""Connected accounts: made empty, made ready by their owner, restricted or withdrawn later."""

from typing import Any

from sandbox.stripe.platform import Platform, new_id

NEEDED = ["external_account", "individual.verification.document", "tos_acceptance.date"]
LINK_LIFE_S = 300


def make(
    platform: Platform,
    *,
    key: str | None = None,
    capabilities: tuple[str, ...] = ("transfers",),
    country: str = "DE",
    email: str | None = None,
    metadata: dict[str, str] | None = None,
) -> dict[str, Any]:
    account: dict[str, Any] = {
        "id": f"acct_{new_id('')[1:17]}",
        "object": "account",
        "business_profile": None,
        "business_type": "individual",
        "capabilities": dict.fromkeys(capabilities, "inactive"),
        "charges_enabled": False,
        "controller": {"type": "application", "is_controller": True},
        "country": country,
        "created": platform.clock.now_s(),
        "default_currency": "eur",
        "details_submitted": False,
        "email": email,
        "metadata": metadata or {},
        "payouts_enabled": False,
        "requirements": _requirements(NEEDED, None),
        "settings": None,
        "type": "express",
    }
    platform.accounts.put(account)
    _tell(platform, account, key)
    return account


def make_ready(platform: Platform, account: dict[str, Any]) -> None:
    """Its owner has given what was asked for."""
    account["capabilities"] = dict.fromkeys(account["capabilities"], "active")
    account |= {
        "details_submitted": True,
        "payouts_enabled": True,
        "requirements": _requirements([], None),
    }
    platform.accounts.put(account)
    _tell(platform, account, None)


def restrict(platform: Platform, account: dict[str, Any]) -> None:
    """Something more is asked for, and nothing may be paid in until it is there."""
    account["capabilities"] = dict.fromkeys(account["capabilities"], "inactive")
    account |= {
        "payouts_enabled": False,
        "requirements": _requirements(NEEDED[:1], "requirements.past_due"),
    }
    platform.accounts.put(account)
    _tell(platform, account, None)


def withdraw(platform: Platform, account: dict[str, Any]) -> None:
    """Its owner ends the connection: it is no longer there for us."""
    platform.accounts.drop(account["id"])
    application = {"id": "ca_sandbox", "object": "application", "name": "Podium"}
    platform.happened(
        "account.application.deauthorized", application, account=account["id"], key=None
    )


def make_link(
    platform: Platform, account: dict[str, Any], base: str, refresh_url: str, return_url: str
) -> dict[str, Any]:
    """A hosted page for its owner, to be opened once, soon."""
    now_s, token = platform.clock.now_s(), new_id("")[1:]
    platform.links[token] = {
        "account": account["id"],
        "expires_at": now_s + LINK_LIFE_S,
        "refresh_url": refresh_url,
        "return_url": return_url,
    }
    return {
        "object": "account_link",
        "created": now_s,
        "expires_at": now_s + LINK_LIFE_S,
        "url": f"{base}/stripe/onboarding/{token}",
    }


def _requirements(due: list[str], disabled_reason: str | None) -> dict[str, Any]:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due if disabled_reason else [],
        "pending_verification": [],
    }


def _tell(platform: Platform, account: dict[str, Any], key: str | None) -> None:
    platform.happened("account.updated", account, account=account["id"], key=key)
