"""The AsyncAPI document: valid, whole, and true of what clients say and hear.

That it is true of everything else that is said, `Listener` and `Events` check in all tests.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft7Validator

from domain.live import messages
from tests.integration.live.conftest import PATIENCE_S, Listen, Site, Stage
from tests.integration.live.spoken import said_on, validator
from web.live.talk import parse

SCHEMA = Path(__file__).parents[2] / "schemas" / "asyncapi-3.0.0.json"


@pytest.fixture(scope="module")
def served(site: Site) -> Any:
    """The document, as clients get it."""
    answer = requests.get(f"http://127.0.0.1:{site.port}/asyncapi.json", timeout=PATIENCE_S)
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def test_document_is_valid_asyncapi(served: Any) -> None:
    schema = json.loads(SCHEMA.read_text())
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(served)
    assert served["asyncapi"] == "3.0.0"


def test_every_reference_leads_somewhere(served: Any) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(served))):
        found = served
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_every_message_is_described(served: Any) -> None:
    typed = {
        one.__name__.lower()
        for one in vars(messages).values()
        if "type" in getattr(one, "__annotations__", {}) and one is not messages.Board
    }
    assert set(served["components"]["messages"]) == typed
    assert all(one["summary"] for one in served["components"]["messages"].values())
    codes = {str(int(code)) for code in messages.CloseCode}
    assert set(served["channels"]["fitness"]["x-close-codes"]) == codes


def test_both_ways_to_a_channel_say_the_same() -> None:
    for name in ("leaderboard", "fitness"):
        assert said_on(name) == said_on(f"{name}Events") | {"pong"}


@pytest.mark.parametrize("said", [{"type": "ping"}, {"type": "auth", "token": "x"}])
def test_what_a_client_may_say_is_understood(said: dict[str, str]) -> None:
    validator(said["type"]).validate(said)
    assert parse(json.dumps(said)).type == said["type"]


def test_everything_that_a_board_says(stage: Stage, listen: Listen) -> None:
    """What else there is to hear of a board is heard here, and checked by the listener."""
    listener = listen(stage.path, stage.people[2])
    heard = {listener.hear()["type"]}
    stage.status = "closing"
    stage.flush({str(stage.people[2].user_id): 31})
    listener.say({"type": "ping"})
    while heard != said_on("leaderboard"):
        heard.add(listener.hear()["type"])
