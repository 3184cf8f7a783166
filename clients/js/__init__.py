"""Where the JavaScript client is; `README.md` beside this file shows how it is used."""

from pathlib import Path

FOLDER = Path(__file__).parent
