"""Scores: a pure function of slots and rules."""
