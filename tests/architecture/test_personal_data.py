"""People get all that is kept about them, and nothing that opens something."""

import uuid

from sqlalchemy import Column, LargeBinary
from sqlalchemy.sql.visitors import iterate

from domain.personal_data.part import Whose
from domain.personal_data.parts import PARTS
from domain.personal_data.reading import names_a_person
from models import Base, FitnessToken
from tests.architecture.program import ROOT

ELSEWHERE = {
    "board_dirty.person_id": "a mark that lasts for moments",
    "erasure.person_id": "who is erased asks no more",
    "flag.other_person_id": "a doubt about somebody else's data; one's own has a flag of its own",
    "standing_block.person_ids": "found by its score, not by a column: the part `place`",
}
SHOWN_BYTES = {"idempotency_key.body"}
"""Answers, in JSON."""


def asked() -> set[str]:
    """Return the columns by which rows are chosen."""
    who = Whose(1, uuid.UUID(int=1))
    return {
        f"{one.table.name}.{one.name}"
        for part in PARTS
        for one in iterate(part.concerns(who))
        if isinstance(one, Column)
    }


def test_every_column_that_names_a_person_leads_to_its_rows() -> None:
    naming = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if names_a_person(column)
    }
    assert naming - asked() == ELSEWHERE.keys()


def test_secrets_and_digests_stay_here() -> None:
    assert FitnessToken not in {part.model for part in PARTS}
    shown = {
        f"{part.table.name}.{column.name}"
        for part in PARTS
        for column in part.table.columns
        if isinstance(column.type, LargeBinary) and column.name not in part.hidden
    }
    assert shown == SHOWN_BYTES


def test_what_is_named_of_a_table_is_there() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        named = part.hidden | part.thousandths | part.callers
        assert named <= {column.name for column in part.table.columns}, part.name


def test_the_document_lists_every_part() -> None:
    page = (ROOT / "docs" / "personal-data.md").read_text()
    names = [*(part.name for part in PARTS), "place", "end"]
    assert [name for name in names if f"| `{name}` |" not in page] == []
