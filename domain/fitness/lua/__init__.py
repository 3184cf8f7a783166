"""Scripts that run inside Redis, one file each."""

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """Return the text of a script."""
    return "#!lua\n" + (resources.files(__package__) / f"{name}.lua").read_text()
