"""What an organiser may decide."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from domain.competitions.competition import NewCompetition, create
from domain.errors import Invalid
from models.competition import Visibility
from models.slots import Metric
from tests.factories import START, Factory


@pytest.mark.parametrize("zone", ["localtime", "Factory", "posixrules", "Moon", "../UTC", ""])
def test_days_are_those_of_a_real_zone(session: Session, factory: Factory, zone: str) -> None:
    new = NewCompetition(
        name="Ten days",
        metric=Metric.STEPS,
        starts_at=START,
        ends_at=START + timedelta(days=10),
        timezone=zone,
        visibility=Visibility.PUBLIC,
    )
    with pytest.raises(Invalid) as refused:
        create(session, factory.person(), new, START)
    assert refused.value.loc == ("body", "timezone")
