"""Texts that people may write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from web.schemas.fields import NAME_LENGTH, Name, Prose, TimeZone

NAME: TypeAdapter[str] = TypeAdapter(Name)
PROSE: TypeAdapter[str] = TypeAdapter(Prose)


@pytest.mark.parametrize("name", ["Ada", "O'Brien", "Łukasz", "نرگس‌ها", "क्‍ष", "👨‍👩‍👧", "…", "李"])
def test_names_of_all_kinds_pass(name: str) -> None:
    assert NAME.validate_python(f"  {name} ") == name


@pytest.mark.parametrize(
    "name", ["", " ", "\u200d\u200b", "\u0301", "a\x00b", "a\nb", "a\x1bb", "a\u202eb", "a\u2028b"]
)
def test_names_that_hide_or_disturb_do_not(name: str) -> None:
    with pytest.raises(ValidationError):
        NAME.validate_python(name)


def test_prose_has_lines() -> None:
    assert PROSE.validate_python("One.\n\tTwo.") == "One.\n\tTwo."
    with pytest.raises(ValidationError):
        PROSE.validate_python("One.\x00")


@given(st.text(max_size=NAME_LENGTH))
def test_whatever_passes_can_be_stored(text: str) -> None:
    try:
        name = NAME.validate_python(text)
    except ValidationError:
        return
    assert "\x00" not in name
    assert name.strip() == name != ""
    assert name.encode()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/Argentina/Ushuaia"])
def test_time_zones(zone: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(TimeZone)
    assert adapter.validate_python(zone) == zone
    for bad in (zone.lower() + "x", "", "/etc/localtime", "../UTC", "UTC\x00"):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)


@pytest.mark.parametrize("own", ["localtime", "Factory", "posixrules"])
def test_what_means_the_servers_own_zone_is_refused(own: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(TimeZone)
    with pytest.raises(ValidationError):
        adapter.validate_python(own)
