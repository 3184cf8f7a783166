"""Competitions: their rules, calendar, life and participants."""
