"""Scripts that run inside Redis, one file each, with what they share in `board.lua`."""

from functools import cache
from importlib import resources


@cache
def script(name: str, *, writes: bool) -> str:
    """Return the text of a script. Redis refuses writes from one that is said not to write."""
    folder = resources.files(__package__)
    flags = "" if writes else " flags=no-writes"
    parts = [(folder / f"{part}.lua").read_text() for part in ("board", name)]
    return f"#!lua{flags}\n" + "\n".join(parts)
