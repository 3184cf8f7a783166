"""JavaScript modules under Node, with as much of a browser as they need."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

BROWSER = Path(__file__).parent / "browser.js"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def run_js(module: Path, name: str, script: str) -> Any:
    """Run a script that has a module under `name`, and the browser; return its `result`."""
    source = f"""
        const {{ fetch, sockets, streams, until }} = await import({json.dumps(BROWSER.as_uri())});
        const {name} = await import({json.dumps(module.as_uri())});
        {script}
        console.log(JSON.stringify(result));
        process.exit(0);
    """
    assert NODE is not None
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", source],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
