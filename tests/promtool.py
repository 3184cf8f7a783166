"""Prometheus's own judgement of what Podium told: scrapes go in, the alerts that fire come out."""

import json
import math
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

RULES = Path(__file__).parent.parent / "deploy" / "prometheus" / "alerts.yml"
PROMTOOL = shutil.which("promtool")
SCRAPE_SECONDS = 15
UP = 'up{job="podium",instance="web:8000"}'
FIRING = 'group by (alertname) (max_over_time(ALERTS{alertstate="firing"}[2h]))'
COUNTS = ("_total", "_count", "_sum", "_bucket")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus has it)"
)

Scrape = Mapping[str, float]
"""Values by the series' names as Prometheus writes them."""
AWAY: Scrape = {UP: 0}
"""Nobody answered."""


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; `stdout` holds both outputs."""
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def read_scrape(page: str) -> Scrape:
    """Read an answer of `/metrics`."""
    found = {UP: 1.0}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = {**sample.labels, "job": "podium", "instance": "web:8000"}
            written = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
            found[f"{sample.name}{{{written}}}"] = sample.value
    return found


def alerts() -> Sequence[dict[str, Any]]:
    """Return all rules."""
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


@dataclass(frozen=True)
class Story:
    """Scrapes in their order, and which alerts fire meanwhile."""

    name: str
    scrapes: Sequence[Scrape]
    fires: Collection[str]

    def as_test(self) -> dict[str, Any]:
        """Return promtool's test: a value that is missing from a scrape is missing there."""
        names = {name for scrape in self.scrapes for name in scrape}
        return {
            "name": self.name,
            "interval": f"{SCRAPE_SECONDS}s",
            "input_series": [
                {"series": name, "values": " ".join(self._values(name))} for name in sorted(names)
            ],
            "promql_expr_test": [
                {
                    "expr": FIRING,
                    "eval_time": f"{(len(self.scrapes) - 1) * SCRAPE_SECONDS}s",
                    "exp_samples": [
                        {"labels": f'{{alertname="{name}"}}', "value": 1}
                        for name in sorted(self.fires)
                    ],
                }
            ],
        }

    def _values(self, name: str) -> list[str]:
        values = (scrape.get(name, math.nan) for scrape in self.scrapes)
        return [repr(value) if math.isfinite(value) else "_" for value in values]


def goes_on(before: Scrape, after: Scrape, minutes: float = 14) -> list[Scrape]:
    """Return scrapes of a trouble that stays: gauges keep its values, counts rise each minute."""
    count = int(minutes * 60 / SCRAPE_SECONDS)
    return [
        {name: _later(name, before, value, number) for name, value in after.items()}
        for number in range(count + 1)
    ]


def _later(name: str, before: Scrape, after: float, number: int) -> float:
    if not name.partition("{")[0].endswith(COUNTS):
        return after
    first = before.get(name, 0.0)
    return first + (after - first) * number * SCRAPE_SECONDS / 60


def judge(folder: Path, *stories: Story) -> None:
    """Let promtool tell all stories by the rules; fail where other alerts fire than should."""
    path = folder / "stories.yml"
    tests = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{SCRAPE_SECONDS}s",
        "tests": [story.as_test() for story in stories],
    }
    path.write_text(yaml.safe_dump(tests))
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout
