"""Clients of the API in other languages. A package, so that the site can hand them out."""
