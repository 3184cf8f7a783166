"""Vendors that are pulled: one client each, one way to ask."""
