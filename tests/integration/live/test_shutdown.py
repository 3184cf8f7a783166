"""A site that stops tells its sockets to come back."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.live.messages import CloseCode
from sandbox.postgres import EmbeddedPostgres
from sandbox.valkey import EmbeddedValkey
from tests.integration.live.conftest import Site, Stage, token_of


def test_open_sockets_do_not_hold_up_a_shutdown(
    postgres: EmbeddedPostgres,
    valkey: EmbeddedValkey,
    stage: Stage,
    session: Session,
    tmp_path: Path,
) -> None:
    site = Site(postgres.url, valkey.url, tmp_path / "log")
    with (
        site.open(stage.path, token_of(stage.people[0])) as watching,
        site.open("/ws/fitness", token_of(stage.people[1])) as syncing,
        site.open(stage.path) as unknown,
    ):
        assert watching.hear()["type"] == "snapshot"
        assert syncing.silent()
        session.execute(text("LOCK TABLE person IN ACCESS EXCLUSIVE MODE"))
        with site.open(stage.path, token_of(stage.people[2])) as waiting:
            site.terminate()
            for listener in (watching, syncing, unknown, waiting):
                assert listener.closed() == CloseCode.RESTARTING
        session.rollback()
    site.stop()
    assert "Traceback" not in site.log
