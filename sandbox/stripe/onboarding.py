"""The page to which an account link leads: its owner gives, with one click, all that is asked."""

from typing import Any

from flask import Blueprint, redirect, render_template_string
from flask.typing import ResponseReturnValue

from sandbox.current import here
from sandbox.stripe import accounts

blueprint = Blueprint("stripe_onboarding", __name__, url_prefix="/stripe/onboarding")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Where your prizes go</title>
<style>body{font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}</style>
<h1>Where your prizes go</h1>
<p>This stands in for Stripe's own page. Account <code>{{ account }}</code> still lacks:</p>
<ul>{% for one in due %}<li>{{ one }}</li>{% else %}<li>nothing</li>{% endfor %}</ul>
<form method="post"><button>Give it</button></form>
</html>
"""


@blueprint.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    link, account = _opened(token)
    if account is None:
        return _away(link)
    due = account["requirements"]["currently_due"]
    return render_template_string(_PAGE, account=account["id"], due=due)


@blueprint.post("/<token>")
def complete(token: str) -> ResponseReturnValue:
    link, account = _opened(token)
    if account is None:
        return _away(link)
    del here().stripe.links[token]
    accounts.make_ready(here().stripe, account)
    return redirect(link["return_url"], 303)


def _opened(token: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The link, and its account while the link is good."""
    stripe = here().stripe
    link = stripe.links.get(token, {})
    if not link or stripe.clock.now_s() >= link["expires_at"]:
        return link, None
    return link, stripe.accounts.get(link["account"])


def _away(link: dict[str, Any]) -> ResponseReturnValue:
    if not link:
        return "This link is used or unknown.", 404
    return redirect(link["refresh_url"], 303)
