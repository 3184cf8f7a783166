"""Fitness data: connections, the queue of pulls, vendors, and what was measured."""
