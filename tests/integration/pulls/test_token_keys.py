"""One refresh for all, and a new key for all tokens."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from cryptography.fernet import Fernet, InvalidToken
from flask import Flask
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain import clock
from domain.errors import Retryable
from domain.fitness.google_oauth import GoogleOAuth, Grant
from domain.fitness.queue import Claim, claim
from domain.fitness.token_keys import Rotation, rotate_page
from domain.fitness.tokens import Tokens, read_tokens, replace_tokens
from domain.fitness.vault import Vault
from domain.redis import Redis
from domain.settings import Settings
from models import FitnessConnection, FitnessToken
from models.connection import ConnectionStatus
from tasks.tokens import TokenKeeper
from tests.factories import Factory
from tests.integration.fitness.outside import Outside
from web import create_app
from web.db import EXTENSION
from worker.unit import unit_of_work

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
THREADS = 16


def renewed_by_many(keepers: list[TokenKeeper], held: Claim) -> list[str]:
    """Renew one token in many threads at once, each coming again while another is at it."""
    start = Barrier(len(keepers))

    def renew(keeper: TokenKeeper) -> str:
        start.wait()
        deadline = clock.now() + timedelta(seconds=20)
        while True:
            try:
                return keeper.renewed(held)
            except Retryable:
                assert clock.now() < deadline

    with ThreadPoolExecutor(len(keepers)) as pool:
        return list(pool.map(renew, keepers))


def test_many_workers_make_one_refresh(
    session: Session, outside: Outside, redis: Redis, beside_google: Settings
) -> None:
    outside.control("POST", "/oauth/rotation", enabled=True)
    walker = outside.connected("walker-001")
    outside.ask(walker)
    keepers = [
        TokenKeeper(
            lambda: unit_of_work(outside.engine), redis, GoogleOAuth(beside_google), outside.vault
        )
        for _ in range(THREADS)
    ]
    for turn in range(3):
        with clock.moved(turn * timedelta(minutes=2)), unit_of_work(outside.engine) as unit:
            (held,) = claim(unit.session, 10, clock.now())
        before = outside.calls("/token")
        tokens = renewed_by_many(keepers, held)
        assert outside.calls("/token") == before + 1
        assert len(set(tokens)) == 1
        session.expire_all()
        assert session.scalars(select(FitnessToken.version)).one() == held.token_version + 1
    assert session.scalars(select(FitnessConnection.status)).one() is ConnectionStatus.ACTIVE


def sealed(session: Session, factory: Factory, vault: Vault, count: int) -> list[uuid.UUID]:
    """Make connections with tokens that say whose they are."""
    made = [factory.connection(factory.person()).id for _ in range(count)]
    session.add_all(
        FitnessToken(
            connection_id=one,
            refresh_token=vault.seal(f"refresh {one}"),
            access_token=vault.seal(f"access {one}"),
            expires_at=clock.now(),
            version=7,
        )
        for one in made
    )
    session.commit()
    return made


def opened(session: Session, vault: Vault) -> dict[uuid.UUID, Tokens]:
    """Open everything."""
    session.expire_all()
    ids = session.scalars(select(FitnessToken.connection_id)).all()
    return {one: tokens for one in ids if (tokens := read_tokens(session, vault, one))}


@pytest.fixture
def flask_app(settings: Settings) -> Iterator[Flask]:
    """The site with two keys."""
    made = create_app(settings.model_copy(update={"token_keys": (NEW, OLD)}))
    yield made
    made.extensions[EXTENSION].close()


def test_after_the_rotation_the_old_key_can_go(
    session: Session, factory: Factory, flask_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.cli.PAGE", 3)
    ids = sealed(session, factory, Vault([OLD]), 7) + sealed(session, factory, Vault([NEW]), 2)
    with pytest.raises(InvalidToken):
        opened(session, Vault([NEW]))
    run = flask_app.test_cli_runner().invoke
    first, second = run(args=["tokens", "rotate"]), run(args=["tokens", "rotate"])
    assert first.output == ("9 connections: 7 resealed, 0 overtaken by a refresh, 0 unreadable\n")
    assert second.output.startswith("9 connections: 0 resealed, ")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert opened(session, Vault([NEW])) == {
        one: Tokens(f"access {one}", f"refresh {one}", 7) for one in ids
    }


def test_what_no_key_opens_is_reported_and_left(
    session: Session, factory: Factory, flask_app: Flask
) -> None:
    lost = Vault([Fernet.generate_key().decode()])
    sealed(session, factory, lost, 1)
    sealed(session, factory, Vault([OLD]), 2)
    answer = flask_app.test_cli_runner().invoke(args=["tokens", "rotate"])
    assert answer.exit_code == 1
    assert "3 connections: 2 resealed, 0 overtaken by a refresh, 1 unreadable" in answer.output


def test_it_can_be_stopped_and_begun_again(
    session: Session, engine: Engine, factory: Factory
) -> None:
    both = Vault([NEW, OLD])
    sealed(session, factory, Vault([OLD]), 5)
    stopped = Rotation()
    with unit_of_work(engine) as unit:
        assert rotate_page(unit.session, both, stopped, 2)
    again, more = Rotation(), True
    while more:
        with unit_of_work(engine) as unit:
            more = rotate_page(unit.session, both, again, 2)
    assert (stopped.resealed, again.resealed, again.seen) == (2, 3, 5)


def test_a_refresh_that_runs_meanwhile_stores_its_token(
    session: Session, engine: Engine, factory: Factory
) -> None:
    both = Vault([NEW, OLD])
    (one,) = sealed(session, factory, Vault([OLD]), 1)
    known = read_tokens(session, both, one)
    session.commit()
    assert known is not None
    with unit_of_work(engine) as unit:
        rotate_page(unit.session, both, Rotation(), 10)
    grant = Grant("newer access", clock.now(), [], "newer refresh")
    with unit_of_work(engine) as unit:
        assert replace_tokens(unit.session, Vault([OLD]), one, known, grant)
    assert opened(session, both)[one] == Tokens("newer access", "newer refresh", 8)
    done = Rotation()
    with unit_of_work(engine) as unit:
        rotate_page(unit.session, both, done, 10)
    assert done.resealed == 1
    assert opened(session, Vault([NEW]))[one].refresh_token == "newer refresh"


def test_a_refresh_that_was_faster_is_not_undone(
    session: Session, engine: Engine, factory: Factory
) -> None:
    class Overtaken(Vault):
        """Before it has sealed a row anew, the row is refreshed."""

        def resealed(self, sealed: bytes) -> bytes:
            with unit_of_work(engine) as unit:
                known = read_tokens(unit.session, self, one)
                assert known is not None
                grant = Grant("newer access", clock.now(), [], "newer refresh")
                replace_tokens(unit.session, Vault([OLD]), one, known, grant)
            return super().resealed(sealed)

    (one,) = sealed(session, factory, Vault([OLD]), 1)
    done = Rotation()
    with unit_of_work(engine) as unit:
        rotate_page(unit.session, Overtaken([NEW, OLD]), done, 10)
    assert (done.resealed, done.overtaken) == (0, 1)
    assert opened(session, Vault([NEW, OLD]))[one].refresh_token == "newer refresh"
