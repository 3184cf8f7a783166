"""The page's modules under Node: sessions, boards and syncs."""

import re
from pathlib import Path
from typing import Any

from tests.unit.live.node import run_js

STATIC = Path(__file__).parents[3] / "web" / "static"


def run(module: str, script: str) -> Any:
    """Run a script that has the names of one of the page's modules, as `page`."""
    return run_js(STATIC / module, "page", script)


def test_a_session_is_renewed_once_for_all_who_ask() -> None:
    result = run(
        "session.js",
        """
        let asked = [];
        globalThis.fetch = async (place, { body }) => {
            asked.push(place.split("=")[1]);
            const grant = { access_token: `t${asked.length}`, refresh_token: "r",
                expires_at: Date.now() / 1000 + 3600, user: { id: "x" } };
            return { ok: true, json: async () => grant };
        };
        const session = new page.Session("http://sandbox.test");
        await session.signIn("a@b.test");
        const both = await Promise.all([session.token("t1"), session.token("t1")]);
        const result = { asked, both, late: await session.token("t1") };
        """,
    )
    assert result == {
        "asked": ["password", "refresh_token"],
        "both": ["t2", "t2"],
        "late": "t2",
    }


def test_of_two_quick_openings_the_last_one_wins() -> None:
    result = run(
        "board-view.js",
        """
        const waiting = {};
        const view = new page.BoardView({
            userId: "x",
            line: { token: async () => "t" },
            competition: (id) => new Promise((answer) => { waiting[id] = answer; }),
        });
        const both = [view.open("a"), view.open("b")];
        waiting.b({ name: "B", metric: "steps", status: "final", prize: null });
        waiting.a({ name: "A", metric: "steps", status: "final", prize: null });
        await Promise.all(both);
        await until(() => sockets.length > 0);
        const result = [document.getElementById("board-title").textContent,
            sockets.map((socket) => socket.url)];
        """,
    )
    assert result == ["B", ["ws://here.test/ws/leaderboard/b"]]


def test_what_a_hidden_page_has_not_drawn_is_not_drawn_into_the_next_board() -> None:
    result = run(
        "board-view.js",
        """
        let frames = [];
        globalThis.requestAnimationFrame = (draw) => frames.push(draw);
        globalThis.cancelAnimationFrame = (number) => delete frames[number - 1];
        const view = new page.BoardView({
            userId: "x",
            line: { token: async () => "t" },
            competition: async (id) => ({ name: id, metric: "steps", status: "active" }),
        });
        await view.open("a");
        await until(() => sockets.length === 1);
        sockets[0].hear({ type: "snapshot", competition_id: "a", epoch: "e", offset: 1,
            status: "closing", total: 1, me: null, entries: [] });
        const waited = frames.length;
        await view.open("b");
        for (const draw of frames.splice(0)) draw?.();
        const result = [waited, document.getElementById("board-status").textContent];
        """,
    )
    assert result == [1, "Running"]


SYNC = """
    const calls = [], fetched = [];
    globalThis.fetch = async (place) => {
        fetched.push(place);
        return { ok: true, json: async () => ({ code: "c" }) };
    };
    const session = {
        token: async () => "t",
        call: async (method, path) => {
            calls.push(`${method} ${path}`);
            return { missing_scopes: [] };
        },
    };
    const view = new page.SyncView(session, { supabase_url: "http://sandbox.test" });
    view.start("walker-001", () => {});
    await until(() => sockets.length === 1);
    sockets[0].open();
    const again = document.getElementById("reconnect");
    const slots = { received: 0, changed: 0 };
"""


def test_a_lost_grant_offers_to_connect_again() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        sockets[0].hear({ type: "sync", sync_id: "1", status: "failed", slots,
            error: { code: "reauth_required", detail: "The grant is gone." } });
        const offered = !again.hidden;
        await view.reconnect();
        const result = { offered, after: !again.hidden, calls, fetched };
        """,
    )
    assert result == {
        "offered": True,
        "after": False,
        "calls": ["POST /fitness/connections", "POST /fitness/sync"],
        "fetched": ["http://sandbox.test/control/people/walker-001/code?prompt=consent"],
    }


def test_what_a_grant_lacks_is_said_until_it_is_granted() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        const grant = { status: "active", missing_scopes: [
            { scope: "s", metrics: ["distance", "active_minutes"] }] };
        const call = session.call;
        session.call = async () => ({ items: [grant] });
        await view.showConnections();
        sockets[0].hear({ type: "sync", sync_id: "1", status: "succeeded", slots, error: null });
        const notice = document.getElementById("missing-scopes");
        const said = [notice.hidden, notice.textContent, again.hidden];
        session.call = call;
        await view.reconnect();
        const result = [said, [notice.hidden, again.hidden]];
        """,
    )
    said = "Google Fit does not let us read your distance, active minutes."
    assert result == [[False, said, False], [True, True]]


def test_a_refused_sync_offers_it_too() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        session.call = async () => { throw { code: "reauth_required" }; };
        await view.sync().catch(() => {});
        const result = !again.hidden;
        """,
    )
    assert result is True


def test_what_to_do_is_shown_until_a_sync_has_succeeded() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        const notice = document.getElementById("sync-notice");
        const states = [];
        const hear = (message) => {
            sockets[0].hear(message);
            states.push([notice.hidden, again.hidden]);
        };
        const done = { type: "sync", sync_id: "s", status: "succeeded", slots, error: null };
        hear({ type: "notice", code: "behind", detail: "Open your app." });
        hear(done);
        hear({ type: "notice", code: "reauth_required", detail: "Connect again." });
        hear(done);
        const result = [states, notice.textContent];
        """,
    )
    states, text = result
    assert states == [[False, True], [True, True], [False, False], [False, True]]
    assert text == "Connect again."


def test_todays_totals_are_shown() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        const today = document.getElementById("today");
        const none = { steps: 0, distance: 0 };
        sockets[0].hear({ type: "stats", date: "2026-11-22", totals: none });
        const before = today.hidden;
        sockets[0].hear({ type: "stats", date: "2026-11-22", totals: {
            ...none, steps: 812, distance: 640.25 } });
        const result = [before, today.hidden, today.textContent];
        """,
    )
    assert result == [True, False, "Today 812 steps · 640 metres"]


def test_the_state_of_the_socket_is_shown() -> None:
    result = run(
        "sync-view.js",
        SYNC
        + """
        const shown = document.getElementById("sync-connection");
        sockets[0].hear({ type: "pong" });
        const live = [shown.hidden, shown.textContent];
        sockets[0].end(1006);
        await until(() => shown.textContent !== "Live");
        const result = [live, shown.textContent];
        """,
    )
    assert result == [[False, "Live"], "Offline, trying again"]


def test_prizes_in_words() -> None:
    result = run(
        "prizes.js",
        """
        const plan = (split) => page.promised({ currency: "EUR", pool: 100_000, split });
        const going = (counts) => page.progress({ status: "paying", payouts: 3, counts });
        const result = [
            page.money(125_050, "EUR"), page.money(100_000, "EUR"), page.money(500, "JPY"),
            plan({ kind: "percent", places: [60, 30] }), plan({ kind: "equal" }),
            plan({ kind: "fixed", places: [400_00, 300_00, 200_00, 100_00] }),
            page.progress(null), going({ pending: 3 }), going({ paid: 2, held: 1 }),
            going({ paid: 3 }), page.became("held"), page.became("something new"),
        ].map((text) => text.replaceAll("\\u00a0", " "));
        """,
    )
    assert result == [
        "€1,250.50",
        "€1,000",
        "¥500",
        "€1,000 in prizes: 60 % · 30 %",
        "€1,000 in prizes, shared equally",
        "€1,000 in prizes: €400 · €300 · €200 · …",
        "They are shared out and sent after the review.",
        "0 of 3 paid",
        "2 of 3 paid",
        "All are paid.",
        "Waiting",
        "something new",
    ]


def test_focus_leaves_the_page_where_it_is() -> None:
    calls = [
        call
        for path in STATIC.glob("*.js")
        for call in re.findall(r"\.focus\(.*?\)", path.read_text())
    ]
    assert calls
    assert all("preventScroll: true" in call for call in calls), calls
