"""Prizes: what a competition promises, and who gets what of it."""
