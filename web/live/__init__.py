"""Sockets: who listens to what, and how it reaches them."""
