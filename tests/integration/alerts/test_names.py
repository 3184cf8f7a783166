"""What rules and dashboards ask for is told by a real `/metrics`, and Prometheus can read them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from flask.testing import FlaskClient

from tests.promtool import RULES, alerts, needs_promtool, promtool

DASHBOARDS = sorted((RULES.parents[1] / "grafana" / "dashboards").glob("*.json"))
METRIC = re.compile(r"podium_\w+")
PARTS = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("",), "gauge": ("",)}


def asked() -> Iterator[tuple[str, str]]:
    """Yield each expression with whose it is."""
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


def told(client: FlaskClient) -> set[str]:
    """Return the names of all series, also of those that have no value yet."""
    page = client.get("/metrics").text
    kinds = re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE)
    return {name + part for name, kind in kinds for part in PARTS[kind]}


def test_every_metric_is_told(client: FlaskClient) -> None:
    known = told(client)
    unknown = {(whose, name) for whose, expr in asked() for name in METRIC.findall(expr)}
    assert {one for one in unknown if one[1] not in known} == set()
    assert len(DASHBOARDS) == 3


def test_what_a_dashboard_shows_has_its_source_and_its_place() -> None:
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["uid"] == f"podium-{path.stem}"
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {"prometheus"}
        corners = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        assert len(set(corners)) == len(corners)


@needs_promtool
def test_prometheus_can_read_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"asked:{number}", "expr": expr.replace("$__rate_interval", "1m")}
        for number, (_, expr) in enumerate(asked())
    ]
    path = tmp_path / "asked.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    done = promtool("check", "rules", str(path))
    assert done.returncode == 0, done.stdout
    assert f"{len(rules)} rules found" in done.stdout
