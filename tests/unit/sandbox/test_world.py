import base64
import hashlib
import stat
from pathlib import Path

import pytest

from sandbox.clock import SandboxClock
from sandbox.diary import FOREVER_MS, Extra, Origin, Part
from sandbox.faults import Fault, FaultKind
from sandbox.grants import ACCESS_TOKEN_LIFE_S, CODE_LIFE_S
from sandbox.oauth_errors import OAuthError
from sandbox.world import World

WALKER = "walker-001"
NOW_S = 1_795_000_000.0


@pytest.fixture
def world() -> World:
    return World(3, clock=SandboxClock(lambda: NOW_S))


def refused(world: World, token: str) -> OAuthError:
    with pytest.raises(OAuthError) as error:
        world.grants.refresh(token)
    return error.value


def connect(world: World, *, force: bool = False) -> str:
    _, _, token = world.grants.redeem(world.grants.mint_code(WALKER, force=force), None, None)
    assert token is not None
    return token


def test_the_clock_can_be_set_and_runs_on() -> None:
    clock = SandboxClock(lambda: NOW_S)
    clock.advance(1.5)
    assert clock.now_ms() == int(NOW_S * 1000) + 1500
    clock.set_now(77)
    assert (clock.now_ms(), clock.now_s()) == (77, 0)


def test_a_code_works_once(world: World) -> None:
    code = world.grants.mint_code(WALKER)
    assert world.grants.redeem(code, None, None)[0] == WALKER
    with pytest.raises(OAuthError, match="invalid_grant"):
        world.grants.redeem(code, None, None)


def test_a_code_is_short_lived(world: World) -> None:
    code = world.grants.mint_code(WALKER)
    world.clock.advance(CODE_LIFE_S + 1)
    with pytest.raises(OAuthError, match="invalid_grant"):
        world.grants.redeem(code, None, None)


def test_only_the_first_consent_gives_a_refresh_token(world: World) -> None:
    connect(world)
    assert world.grants.redeem(world.grants.mint_code(WALKER), None, None)[2] is None
    assert connect(world, force=True)
    world.grants.revoke(WALKER)
    assert connect(world)


@pytest.mark.parametrize("given", [None, "", "postmessage"])
def test_an_unbound_code_takes_what_mobile_clients_send(world: World, given: str | None) -> None:
    assert world.grants.redeem(world.grants.mint_code(WALKER), given, None)


@pytest.mark.parametrize(
    ("bound", "given"), [(None, "https://a.test"), ("https://a.test", None), ("https://a.test", "")]
)
def test_another_redirect_address_is_refused(
    world: World, bound: str | None, given: str | None
) -> None:
    with pytest.raises(OAuthError, match="redirect_uri_mismatch"):
        world.grants.redeem(world.grants.mint_code(WALKER, redirect_uri=bound), given, None)


@pytest.mark.parametrize("method", ["S256", "plain"])
def test_the_verifier_must_fit_the_challenge(world: World, method: str) -> None:
    verifier = "v" * 43
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    challenge = digest.rstrip(b"=").decode() if method == "S256" else verifier
    code = world.grants.mint_code(WALKER, challenge=challenge, challenge_method=method)
    for wrong in (None, "w" * 43):
        with pytest.raises(OAuthError, match="invalid_grant"):
            world.grants.redeem(code, None, wrong)
    assert world.grants.redeem(code, None, verifier)


def test_access_tokens_end_by_time_by_order_and_with_the_grant(world: World) -> None:
    grants = world.grants
    assert grants.who("ya29.nonsense") is None
    token = grants.access_token(WALKER, "a b")
    assert grants.who(token) == (WALKER, frozenset({"a", "b"}))
    world.clock.advance(ACCESS_TOKEN_LIFE_S)
    assert grants.who(token) is None
    for end in (grants.expire_access, grants.revoke):
        token = grants.access_token(WALKER, "a")
        end(WALKER)
        assert grants.who(token) is None
        assert grants.owner(token) == WALKER
        assert grants.who(grants.access_token(WALKER, "a")) is not None


def test_a_revoked_refresh_token_is_dead(world: World) -> None:
    token = connect(world)
    assert world.grants.refresh(token)[0] == WALKER
    world.grants.revoke(WALKER)
    assert refused(world, token).body == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert refused(world, "1//nonsense").body["error_description"] == "Bad Request"


@pytest.mark.parametrize("whose", [WALKER, "*"])
def test_a_rotated_refresh_token_lives_for_its_grace(world: World, whose: str) -> None:
    first = connect(world)
    world.grants.set_rotation(whose, 30)
    second = world.grants.refresh(first)[2]
    assert second is not None
    world.clock.advance(31)
    assert refused(world, first).error == "invalid_grant"
    world.grants.set_rotation(whose, None)
    assert world.grants.refresh(second)[2] is None


def test_without_grace_the_old_refresh_token_is_dead_at_once(world: World) -> None:
    first = connect(world)
    world.grants.set_rotation(WALKER, 0)
    world.grants.refresh(first)
    assert refused(world, first).error == "invalid_grant"


def test_refresh_tokens_can_be_given_a_life(world: World) -> None:
    token = connect(world)
    world.grants.set_refresh_lifetime(7 * 86_400)
    world.clock.advance(7 * 86_400 + 1)
    assert refused(world, token).error == "invalid_grant"


def test_a_session_refresh_token_works_once_and_once_more_within_the_reuse_interval(
    world: World,
) -> None:
    session, first = world.sessions.start("sub")
    turned = world.sessions.turn(first)
    assert turned is not None
    assert turned[:2] == ("sub", session)
    assert world.sessions.turn(first) is not None
    world.clock.advance(11)
    assert world.sessions.turn(first) is None
    assert world.sessions.turn(turned[2]) is not None
    assert world.sessions.turn("nonsense") is None


def test_a_restart_forgets_nothing_that_matters(tmp_path: Path) -> None:
    world = World(2, data=tmp_path)
    new = world.add_people(2)
    assert [person.id for person in new] == ["walker-003", "walker-004"]
    code = world.grants.mint_code(WALKER)
    refresh = world.grants.redeem(code, None, None)[2]
    assert refresh is not None
    access = world.grants.access_token(WALKER, "a")
    world.grants.revoke("walker-002")
    world.keys.rotate()
    extra = Extra(Origin.TYPED, 0, 60_000, 1, ((7000, 0, 0, 0, 0, 0),))
    world.add_walks(new[0], [extra])

    again = World(2, data=tmp_path)
    assert list(again.people.values()) == list(world.people.values())
    assert again.keys.jwks() == world.keys.jwks()
    assert again.grants.refresh(refresh)[0] == WALKER
    assert again.grants.who(access) is not None
    assert again.diary(again.people["walker-003"]).extras == [extra]
    with pytest.raises(OAuthError):
        again.grants.redeem(code, None, None)
    state = tmp_path / "state.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_keys_go_through_their_life() -> None:
    keys = World(1).keys
    assert [key["state"] for key in keys.states()] == ["in_use", "standby"]
    used = keys.states()[0]["kid"]
    assert not keys.revoke(used)
    keys.rotate()
    assert [key["state"] for key in keys.states()] == ["previously_used", "in_use", "standby"]
    assert len(keys.jwks()["keys"]) == 3
    assert keys.revoke(used)
    assert used not in {key["kid"] for key in keys.jwks()["keys"]}


def fault(world: World, path: str, **more: object) -> Fault:
    made = Fault(world.faults.next_id(), path, FaultKind.STATUS, **more)  # type: ignore[arg-type]  # a test's shorthand
    world.faults.pending.append(made)
    return made


def test_a_fault_is_for_a_path_a_person_and_so_many_calls(world: World) -> None:
    made = fault(world, "/fitness", person=WALKER, left=2)
    assert world.faults.take("/token", WALKER) is None
    assert world.faults.take("/fitness/v1", "walker-002") is None
    assert world.faults.take("/fitness/v1", WALKER) is made
    assert world.faults.take("/fitness/v1", WALKER) is made
    assert world.faults.take("/fitness/v1", WALKER) is None
    assert world.faults.pending == []


def test_a_fault_may_name_a_glob_last_for_ever_and_come_by_chance(world: World) -> None:
    fault(world, "*/datasets/*", left=None, probability=0.5)
    hits = [world.faults.take("/fitness/v1/x/datasets/1-2", None) for _ in range(200)]
    assert 60 < sum(hit is not None for hit in hits) < 140
    assert world.faults.take("/datasets", None) is None


def test_an_added_walk_is_seen_at_once(world: World) -> None:
    person = world.people[WALKER]
    now_ms = world.clock.now_ms()
    extra = Extra(Origin.PHONE, 0, 60_000, now_ms, ((9000, 0, 0, 0, 0, 0),))
    before = world.diary(person).slots(Part.MEASURED, 0, 900_000, FOREVER_MS)[0][0]
    world.add_walks(person, [extra])
    assert world.diary(person).slots(Part.MEASURED, 0, 900_000, FOREVER_MS)[0][0] == before + 9000
