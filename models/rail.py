"""Rails by name, as the API and the tables call them."""

import enum


class RailName(enum.StrEnum):
    """Who carries the money of a payout."""

    MANUAL = "manual"
    """People: a list goes out as CSV, their confirmation comes back as CSV."""
    STRIPE = "stripe"
