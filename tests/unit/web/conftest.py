"""An issuer of tokens, and a verifier that trusts it."""

from collections.abc import Iterator

import pytest

from tests.unit.web.issuer import Issuer, serving, settings_for
from web.tokens import TokenVerifier


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as served:
        yield served


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(settings_for(issuer))
