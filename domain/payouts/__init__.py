"""Payouts: how an award becomes money in a winner's hands."""
