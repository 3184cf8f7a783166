"""How the JavaScript client connects, comes back and gives up; run by Node."""

import base64
import json
import re
import time
from typing import Any

import pytest

from clients import js
from tests.unit.live.node import run_js

BOARD = """
    const states = [], refusals = [], boards = [], places = [];
    let tokens = ["old", "new", "newer"];
    const options = {
        competitionId: "c",
        pauseMs: { first: 10, longest: 20 },
        token: async (refused) => { refusals.push(refused); return tokens.shift(); },
        onBoard: (board) => boards.push(board.entries.map((row) => [row.rank, row.score])),
        onMe: (me) => places.push(me),
        onStatus: (status) => states.push(status),
    };
    const snapshot = { type: "snapshot", competition_id: "c", epoch: "e", offset: 5,
        status: "active", total: 2, me: { rank: 1, score: 3, next: null },
        entries: [{ rank: 1, user_id: "a", display_name: "A", score: 3 },
                  { rank: 2, user_id: "b", display_name: "B", score: 2 }] };
    const update = { type: "update", epoch: "e", base: 5, offset: 6, total: 2, removed: [],
        entries: [{ user_id: "b", display_name: "B", score: 4 }] };
    const open = async (more = {}) => {
        const line = client.watchBoard({ ...options, ...more });
        await until(() => sockets.length === 1);
        sockets[0].open();
        return line;
    };
"""


def run(script: str) -> Any:
    """Run a script that has the client's names and the browser's; return its `result`."""
    return run_js(js.FOLDER / "podium-live.js", "client", BOARD + script)


def test_what_it_says_and_tells() -> None:
    result = run(
        """
        const line = await open();
        sockets[0].hear(snapshot);
        sockets[0].hear(update);
        sockets[0].hear({ type: "me", rank: 2, score: 3, next: { rank: 1, gap: 1 } });
        sockets[0].hear({ type: "something new" });
        line.close();
        const result = { url: sockets[0].url, said: sockets[0].said, boards, places,
            states: states.map(({ state }) => state), closed: sockets[0].closedWith };
        """
    )
    assert result == {
        "url": "ws://here.test/ws/leaderboard/c",
        "said": [{"type": "auth", "token": "old"}, {"type": "ping"}],
        "boards": [[[1, 3], [2, 2]], [[1, 4], [2, 3]]],
        "places": [
            {"rank": 1, "score": 3, "next": None},
            {"rank": 2, "score": 3, "next": {"rank": 1, "gap": 1}},
        ],
        "states": ["connecting", "live"],
        "closed": 1000,
    }


def test_a_missing_message_makes_it_resume() -> None:
    result = run(
        """
        await open();
        sockets[0].hear(snapshot);
        sockets[0].hear({ ...update, base: 6, offset: 7 });
        await until(() => sockets.length === 2);
        const result = [boards.length, sockets[0].closedWith, sockets[1].url];
        """
    )
    assert result == [1, 4000, "ws://here.test/ws/leaderboard/c?epoch=e&offset=5"]


def test_what_a_lost_socket_still_says_is_not_heard() -> None:
    result = run(
        """
        const line = await open();
        sockets[0].hear(snapshot);
        line.close();
        sockets[0].hear(update);
        sockets[0].end(1006);
        const result = [boards.length, sockets.length, states.at(-1).state];
        """
    )
    assert result == [1, 1, "live"]


@pytest.mark.parametrize("code", [4400, 4403, 4404])
def test_final_codes_are_final(code: int) -> None:
    result = run(
        f"""
        await open();
        sockets[0].end({code});
        await new Promise((done) => setTimeout(done, 60));
        const result = [states.at(-1), sockets.length];
        """
    )
    assert result == [{"state": "ended", "code": code}, 1]


def test_a_page_that_is_shown_again_does_not_wait() -> None:
    result = run(
        """
        const line = await open({ pauseMs: { first: 1e9, longest: 1e9 } });
        sockets[0].hear(snapshot);
        const show = (visibilityState) => {
            document.visibilityState = visibilityState;
            document.dispatchEvent(new Event("visibilitychange"));
        };
        show("hidden");
        show("visible");
        const asked = sockets[0].said.at(-1);
        sockets[0].end(1006);
        show("hidden");
        const waits = states.at(-1).state;
        show("visible");
        await until(() => sockets.length === 2);
        line.close();
        show("visible");
        const result = [asked, sockets[0].said.length, waits, sockets.length];
        """
    )
    assert result == [{"type": "ping"}, 3, "waiting", 2]


def test_a_token_that_ended_is_replaced_once() -> None:
    result = run(
        """
        await open();
        sockets[0].hear({ type: "pong" });
        sockets[0].end(4401);
        await until(() => sockets.length === 2);
        sockets[1].open();
        const said = sockets[1].said[0];
        sockets[1].end(4401);
        const result = { refusals, said, last: states.at(-1) };
        """
    )
    assert result["refusals"] == [None, "old"]
    assert result["said"] == {"type": "auth", "token": "new"}
    assert result["last"] == {"state": "ended", "code": 4401}


def test_a_token_that_was_taken_may_end_too() -> None:
    result = run(
        """
        await open();
        sockets[0].end(4401);
        await until(() => sockets.length === 2);
        sockets[1].open();
        sockets[1].hear({ type: "pong" });
        sockets[1].end(4401);
        await until(() => sockets.length === 3);
        const result = refusals;
        """
    )
    assert result == [None, "old", "new"]


@pytest.mark.parametrize(
    "token",
    [
        "'old'",
        "async () => 'old'",
        "async (refused) => { if (refused) throw { status: 400 }; return 'old'; }",
    ],
)
def test_without_another_token_it_ends(token: str) -> None:
    result = run(
        f"""
        await open({{ token: {token} }});
        sockets[0].end(4401);
        await until(() => states.at(-1).state === "ended");
        const result = [states.at(-1), sockets.length];
        """
    )
    assert result == [{"state": "ended", "code": 4401}, 1]


def test_each_connection_takes_a_ticket() -> None:
    result = run(
        """
        let given = 0;
        await open({ token: undefined, ticket: async () => `t&${++given}` });
        sockets[0].hear(snapshot);
        sockets[0].end(1012);
        await until(() => sockets.length === 2);
        const result = [sockets.map(({ url }) => url), sockets[0].said];
        """
    )
    assert result == [
        [
            "ws://here.test/ws/leaderboard/c?ticket=t%261",
            "ws://here.test/ws/leaderboard/c?epoch=e&offset=5&ticket=t%262",
        ],
        [{"type": "ping"}],
    ]


def ending(seconds: float) -> str:
    """Return what looks like a token that ends so many seconds from now."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode())
    return f"x.{claims.decode().rstrip('=')}.y"


def test_a_token_is_replaced_on_the_open_socket_before_it_ends() -> None:
    result = run(
        f"""
        const late = globalThis.setTimeout;
        const waits = [];
        globalThis.setTimeout = (act, wait) => {{
            if (wait > 26_000) waits.push(wait);
            return late(act, wait > 26_000 ? 5 : wait);
        }};
        tokens = ["{ending(90)}", "new"];
        await open();
        sockets[0].hear(snapshot);
        await until(() => sockets[0].said.length === 3);
        const result = [sockets[0].said[2], sockets.length, waits];
        """
    )
    said, opened, (wait,) = result
    assert said == {"type": "auth", "token": "new"}
    assert opened == 1
    assert 26_000 < wait <= 30_000


STREAM = """
    client.watchBoard({ ...options, fetch });
    for (const n of [0, 1]) {
        await until(() => sockets.length === n + 1);
        sockets[n].end(1006);
    }
    await until(() => streams.length === 1);
"""


def test_where_no_socket_gets_through_it_falls_back_to_events_and_stays_there() -> None:
    result = run(
        STREAM
        + """
        streams[0].begin();
        streams[0].hear(snapshot);
        streams[0].hear(update);
        await until(() => boards.length === 2);
        const live = states.at(-1);
        streams[0].end();
        await until(() => streams.length === 2);
        const result = { live, sockets: sockets.length, urls: streams.map(({ url }) => url),
            headers: streams[0].headers, boards };
        """
    )
    assert result == {
        "live": {"state": "live", "transport": "events"},
        "sockets": 2,
        "urls": [
            "http://here.test/api/v1/leaderboard/c/events",
            "http://here.test/api/v1/leaderboard/c/events?epoch=e&offset=6",
        ],
        "headers": {"Accept": "text/event-stream", "Authorization": "Bearer newer"},
        "boards": [[[1, 3], [2, 2]], [[1, 4], [2, 3]]],
    }


def test_where_events_do_not_come_either_sockets_are_tried_again() -> None:
    result = run(
        STREAM
        + """
        streams[0].fail(new TypeError("no network"));
        await until(() => sockets.length === 3);
        const result = streams.length;
        """
    )
    assert result == 1


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403), (404, 4404), (422, 4400)])
def test_a_refused_stream_is_final(status: int, code: int) -> None:
    result = run(
        STREAM.replace("...options", "...options, token: 't'")
        + f"""
        streams[0].refuse({status});
        await until(() => states.at(-1).state === "ended");
        const result = states.at(-1).code;
        """
    )
    assert result == code


def test_a_full_server_is_given_the_time_that_it_asks_for() -> None:
    result = run(
        STREAM
        + """
        streams[0].refuse(429, { "Retry-After": "7" });
        await until(() => states.at(-1).retryInMs > 1000);
        const result = states.at(-1).retryInMs;
        """
    )
    assert 7000 <= result <= 7020


def test_a_spectator_needs_no_credential() -> None:
    result = run(
        """
        client.watchBoard({ competitionId: "c", fetch, spectator: true });
        await until(() => streams.length === 1);
        const result = [streams[0].url, streams[0].headers, sockets.length];
        """
    )
    accepts = {"Accept": "text/event-stream"}
    assert result == ["http://here.test/api/v1/spectators/c/events", accepts, 0]


def test_syncs_are_handed_to_their_listeners() -> None:
    result = run(
        """
        const heard = [];
        client.followFitness({ token: "t",
            onSync: (message) => heard.push(message.sync_id),
            onStats: (message) => heard.push(message.date) });
        await until(() => sockets.length === 1);
        sockets[0].open();
        sockets[0].hear({ type: "pong" });
        sockets[0].hear({ type: "sync", sync_id: "s" });
        sockets[0].hear({ type: "stats", date: "2026-11-26" });
        sockets[0].hear({ type: "notice", code: "behind" });
        const result = [sockets[0].url, heard];
        """
    )
    assert result == ["ws://here.test/ws/fitness", ["s", "2026-11-26"]]


def test_the_types_name_what_there_is() -> None:
    declared = (js.FOLDER / "podium-live.d.ts").read_text()
    named = re.findall(r"^export (?:class|function) (\w+)", declared, re.MULTILINE)
    assert sorted(run("const result = Object.keys(client);")) == sorted(named)
