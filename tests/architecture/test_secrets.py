"""Secrets do not show when an object is printed into a log or a traceback."""

import dataclasses
import importlib
import uuid
from collections.abc import Iterator

from pydantic import BaseModel

from domain.settings import Settings
from tests.architecture.conftest import PASSWORDS
from tests.architecture.program import FLOORS, ROOT, modules

SECRET = {
    "access_token",
    "client_secret",
    "code_verifier",
    "password",
    "refresh_token",
    "server_auth_code",
    "token",
}


def types() -> Iterator[type]:
    """Yield the classes of the program. Tables are safe: SQLAlchemy prints no values of theirs."""
    for path in modules(*FLOORS):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        for found in vars(importlib.import_module(name)).values():
            # Not `isinstance`: Celery's tasks pretend, and look themselves up to do so.
            if issubclass(type(found), type) and found.__module__ == name:
                yield found


def shown_by_name(kind: type) -> dict[str, bool]:
    """Return the fields of a value type, and whether `repr` shows them.

    A token that is a UUID is the mark of a lease and opens nothing.
    """
    if issubclass(kind, BaseModel):
        return {name: field.repr for name, field in kind.model_fields.items()}
    if dataclasses.is_dataclass(kind):
        fields = dataclasses.fields(kind)
        return {field.name: field.repr for field in fields if field.type is not uuid.UUID}
    return {}


def test_fields_that_hold_secrets_are_not_shown() -> None:
    secrets = {
        f"{kind.__module__}.{kind.__qualname__}.{name}": shown
        for kind in types()
        for name, shown in shown_by_name(kind).items()
        if name in SECRET
    }
    assert [where for where, shown in secrets.items() if shown] == []
    assert "domain.fitness.tokens.Tokens.refresh_token" in secrets


def test_settings_do_not_show_theirs(settings_to_nowhere: Settings) -> None:
    shown = repr(settings_to_nowhere) + str(settings_to_nowhere)
    assert [password for password in PASSWORDS.values() if password in shown] == []
    assert "google_client_id='client'" in shown
