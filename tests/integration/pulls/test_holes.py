"""Nothing jumps over a hole: whatever goes wrong, everything that is needed was fetched."""

from datetime import datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.competitions.joining import join
from domain.errors import Conflict
from domain.fitness.connections import connect, disconnect
from domain.fitness.fetched import Fetched
from domain.fitness.google_oauth import Grant
from domain.fitness.ingest import write
from domain.fitness.owed import Debt, owed_altogether
from domain.fitness.providers.base import Pulled
from domain.fitness.queue import LEASE, Claim, Setback, claim, give_up_on_the_cursed, put_back
from domain.fitness.readings import Readings, Stream
from domain.fitness.schedule import queue_due
from domain.fitness.syncs import request_sync
from domain.fitness.tokens import read_tokens, require_reauth
from domain.fitness.vault import Vault
from domain.fitness.windows import LOOK_BACK, QUARTER, Window, floor_quarter
from models import FitnessConnection, SlotDay
from models.connection import ConnectionStatus, Provider
from models.slots import Metric, SlotClass
from tests.conftest import wipe
from tests.factories import START, Factory
from tests.rules import ON_SERVERS
from worker.unit import unit_of_work

MIDNIGHT = START
Step = tuple[str, tuple[object, ...]]
LATEST = timedelta(days=3) - QUARTER
"""The vendor may learn of a walk so much later and is still heard."""


class Walker:
    """One person, whose connection, competitions, vendor and workers do as they like."""

    def __init__(self, engine: Engine, vault: Vault) -> None:
        self.engine, self.vault = engine, vault
        self.now = MIDNIGHT + timedelta(hours=10)
        self.needed: list[datetime] = []
        self.held: list[Claim] = []
        self.walks: dict[datetime, tuple[datetime, int]] = {}
        """By slot: since when the vendor knows of it, and how many steps."""
        self.fetched: set[datetime] = set()
        self.grants = 0
        with Session(self.engine, expire_on_commit=False) as session:
            self.factory = Factory(session)
            self.person = self.factory.person()
            self.connect()

    @property
    def connection(self) -> FitnessConnection:
        with Session(self.engine) as session:
            return session.scalars(select(FitnessConnection)).one()

    def connect(self) -> None:
        self.grants += 1
        grant = Grant("access", self.now + timedelta(days=900), [], "refresh", "subject")
        with unit_of_work(self.engine) as unit:
            connect(unit.session, self.vault, self.person, Provider.GOOGLE_FIT, grant, self.now)

    def wait(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    def walk(self, ago: int, late: timedelta, steps: int) -> None:
        """Walk now, or in a slot of before of which the vendor learns only now."""
        slot = floor_quarter(self.now - min(ago * QUARTER, LATEST))
        if slot not in self.walks and slot + LATEST >= self.now:
            self.walks[slot] = (max(self.now, min(self.now + late, slot + LATEST)), steps)

    def join(self, days: int, length: int) -> None:
        starts_at = floor_quarter(self.now) - timedelta(days=days)
        with Session(self.engine, expire_on_commit=False) as session:
            factory = Factory(session)
            competition = factory.competition(
                self.person, starts_at=starts_at, ends_at=starts_at + timedelta(days=length)
            )
        with unit_of_work(self.engine) as unit:
            join(unit.session, self.person, competition.id, None, self.now)
        self.needed.append(starts_at)

    def ask(self) -> None:
        with unit_of_work(self.engine) as unit:
            try:
                request_sync(unit.session, self.person, None, self.now)
            except Conflict:
                assert self.connection.status is not ConnectionStatus.ACTIVE

    def schedule(self) -> None:
        with unit_of_work(self.engine) as unit:
            queue_due(unit.session, 10, self.now)

    def take(self) -> None:
        with unit_of_work(self.engine) as unit:
            give_up_on_the_cursed(unit.session, self.now)
            self.held += claim(unit.session, 10, self.now)

    def begin(self) -> None:
        self.ask()
        self.take()

    def work(self) -> None:
        """Pull all that is due."""
        self.take()
        while self.held:
            self.write(self.held.pop())
            self.take()

    def succeed(self) -> None:
        if self.held:
            self.write(self.held.pop())

    def fail(self, final: bool, counted: bool) -> None:
        if not self.held:
            return
        held = self.held.pop()
        setback = Setback(
            held,
            "vendor_unavailable",
            "",
            final=final and counted,
            delay=timedelta(seconds=5),
            counted=counted,
        )
        with unit_of_work(self.engine) as unit:
            put_back(unit.session, [setback], self.now)

    def lose_the_grant(self, kept: bool, back: bool) -> None:
        """By the vendor's will or the person's, for a moment or longer."""
        connection = self.connection
        with unit_of_work(self.engine) as unit:
            if not kept:
                disconnect(unit.session, self.person, connection.id, self.now)
            elif known := read_tokens(unit.session, self.vault, connection.id):
                require_reauth(unit.session, connection.id, known, self.now)
        if back:
            self.connect()

    def write(self, held: Claim) -> bool:
        """Write what the vendor knows now, as a worker that may have been overtaken."""
        window = held.window
        slots = [window.start + n * QUARTER for n in range(window.slots)]
        values = [self.known(slot) * 1000 for slot in slots]
        stream = Stream(Metric.STEPS, values, [0] * len(values))
        pulled = Pulled(Readings("google_fit", window, [stream]), (), self.now)
        with unit_of_work(self.engine) as unit:
            done = write(unit.session, [Fetched.of(held, pulled)], self.now).sync_ids
        if done:
            self.fetched.update(slots)
        return bool(done)

    def known(self, slot: datetime) -> int:
        learnt, steps = self.walks.get(slot, (self.now, 0))
        return steps if learnt <= self.now else 0

    def end_well(self) -> None:
        """Let everything go well; then look whether something is missing."""
        if self.connection.status is not ConnectionStatus.ACTIVE:
            self.connect()
        self.now += LOOK_BACK
        self.held.clear()
        for _ in range(100):
            self.now += LEASE + timedelta(minutes=16)
            with unit_of_work(self.engine) as unit:
                give_up_on_the_cursed(unit.session, self.now)
                held = claim(unit.session, 10, self.now)
            for one in held:
                assert self.write(one)
            if not held:
                break
        self.ask()
        with unit_of_work(self.engine) as unit:
            (last,) = claim(unit.session, 10, self.now)
        assert self.write(last)
        self.check()

    def check(self) -> None:
        with Session(self.engine) as session:
            assert owed_altogether(session) == Debt(0, 0, None)
            stored = {
                datetime.combine(row.day, datetime.min.time(), MIDNIGHT.tzinfo) + n * QUARTER: value
                for row in session.scalars(
                    select(SlotDay).where(
                        SlotDay.metric == Metric.STEPS, SlotDay.slot_class == SlotClass.MEASURED
                    )
                )
                for n, value in enumerate(row.slots)
                if value is not None
            }
        connection = self.connection
        assert connection.fetched_from is not None
        assert connection.synced_until is not None
        begin = min([connection.fetched_from, *self.needed])
        wanted = Window(begin, floor_quarter(self.now))
        slots = {wanted.start + n * QUARTER for n in range(wanted.slots)}
        assert slots <= self.fetched
        assert slots <= stored.keys()
        assert {slot: value for slot, value in stored.items() if value and slot in slots} == {
            slot: steps * 1000 for slot, (_, steps) in self.walks.items() if slot in slots
        }


def step(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), st.tuples(*arguments))


YES_OR_NO = st.booleans()
HOURS = st.sampled_from([0.1, 1, 7, 30, 24 * 4, 24 * 40])
ANYTHING = st.one_of(
    step("join", st.integers(0, 70), st.integers(80, 200)),
    step("wait", HOURS),
    step("walk", st.integers(0, 400), st.timedeltas(timedelta(0), LATEST), st.integers(1, 500)),
    step("ask"),
    step("schedule"),
    step("begin"),
    step("take"),
    step("work"),
    step("succeed"),
    step("fail", YES_OR_NO, YES_OR_NO),
    step("lose_the_grant", YES_OR_NO, YES_OR_NO),
    step("connect"),
)


def story(*steps: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    """Steps in this order, with up to one of any kind between two of them."""
    between = st.lists(ANYTHING, max_size=1)
    parts = [part for one in steps for part in (between, one.map(lambda made: [made]))]
    return st.tuples(*parts).map(lambda made: [one for part in made for one in part])


# Holes open where the stretch that was fetched is about to be left behind: by someone who joins
# late, by a break longer than the look-back, or by a grant that comes back. Drawn from all steps
# alone, such a chain is too rare to be met within the budget.
LATE = step("join", st.integers(4, 70), st.integers(80, 200))
LONG = step("wait", st.sampled_from([24 * 4, 24 * 9, 24 * 40]))
STORIES = st.one_of(
    story(step("begin"), step("work"), LATE),
    story(step("begin"), step("work"), LATE, step("take"), step("fail", YES_OR_NO, YES_OR_NO)),
    story(step("begin"), LATE, step("succeed")),
    story(LATE, step("begin"), step("work"), LONG, step("begin"), step("succeed")),
    story(step("begin"), step("work"), LATE, LONG, step("begin"), step("succeed")),
    story(step("begin"), step("work"), step("lose_the_grant", YES_OR_NO, YES_OR_NO), LATE),
    st.lists(ANYTHING, min_size=6, max_size=16),
)


@ON_SERVERS
@given(steps=STORIES)
@example(steps=[("begin", ()), ("join", (40, 100)), ("succeed", ())])
@example(steps=[("begin", ()), ("lose_the_grant", (False, True)), ("join", (40, 100))])
@example(
    steps=[
        ("begin", ()),
        ("work", ()),
        ("lose_the_grant", (False, False)),
        ("join", (70, 100)),
        ("connect", ()),
        ("take", ()),
        ("fail", (True, True)),
    ]
)
def test_whatever_goes_wrong_everything_needed_was_fetched(
    engine: Engine, vault: Vault, steps: list[Step]
) -> None:
    wipe(engine)
    walker = Walker(engine, vault)
    for name, arguments in steps:
        getattr(walker, name)(*arguments)
    walker.end_well()
