"""JavaScript modules under Node, with as much of a browser as they need."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import playwright

BROWSER = Path(__file__).parent / "browser.js"
OLDEST = 20
"""The first release of Node that the client is made for."""


def find_node() -> str:
    """Return this machine's Node, or where it has none that will do, the one within Playwright."""
    found = shutil.which("node")
    if found is not None:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(said.stdout.lstrip("v").partition(".")[0]) >= OLDEST:
            return found
    return str(Path(playwright.__file__).parent / "driver" / "node")


NODE = find_node()


def run_js(module: Path, name: str, script: str) -> Any:
    """Run a script that has a module under `name`, and the browser; return its `result`."""
    source = f"""
        const {{ fetch, sockets, streams, until }} = await import({json.dumps(BROWSER.as_uri())});
        const {name} = await import({json.dumps(module.as_uri())});
        {script}
        console.log(JSON.stringify(result));
        process.exit(0);
    """
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", source],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
