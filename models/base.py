"""The declarative base: how Python types become PostgreSQL types."""

import enum
import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Enum, MetaData, Text, Uuid, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

TRACE = text("COALESCE(current_setting('podium.trace', true), '')")
"""Default of columns that bear the trace of the transaction which wrote the row; often empty."""


def values_of(members: type[enum.Enum]) -> list[str]:
    """Return the values that an enum is stored by."""
    return [member.value for member in members]


class Base(DeclarativeBase):
    """Base of all tables. Enums are text with a check, so a new member is a small migration."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  SQLAlchemy reads it as a plain class attribute
        datetime: TIMESTAMP(timezone=True),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            length=32,
            values_callable=values_of,
            create_constraint=True,
        ),
        int: BigInteger,
        str: Text,
        uuid.UUID: Uuid,
    }
