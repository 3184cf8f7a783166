"""Stripe Connect, as far as prizes are paid with it."""
