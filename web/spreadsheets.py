"""Tables for spreadsheets, as RFC 4180 says."""

import csv
import io
from collections.abc import Iterable, Sequence

CSV = "text/csv"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a cell that begins so for a formula."""


def written(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as they stand in a file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def harmless(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
