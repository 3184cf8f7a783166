"""What is kept about a person, part by part: which rows, and what of them the person gets.

A part takes all columns of its table but those named here, so what a table learns is in it at once.
Nothing that opens something is among them, and nobody else is named.
"""

import uuid

from sqlalchemy import Select, or_, select, union_all

from domain.personal_data.part import Part, Whose
from models import (
    Adjustment,
    Award,
    BehindNotice,
    Competition,
    Consent,
    Difference,
    Distribution,
    FitnessConnection,
    Flag,
    FormerScore,
    IdempotencyKey,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Participant,
    PastDecision,
    PastRules,
    Payout,
    PayoutAccount,
    PayoutStep,
    Person,
    Posting,
    PrizeCalculation,
    Record,
    Ruling,
    ScoreDay,
    SlotDay,
    SlotDayVersion,
    Source,
    SourceOrder,
    Standing,
    SyncRequest,
    Transition,
)


def _in_mine(who: Whose) -> Select[uuid.UUID]:
    """Tables whose keys begin with the competition are read by way of this."""
    return select(Participant.competition_id).where(Participant.person_id == who.person_id)


def _organised(who: Whose) -> Select[uuid.UUID]:
    return select(Competition.id).where(Competition.organiser_id == who.person_id)


def _flags(who: Whose) -> Select[uuid.UUID]:
    mine = Flag.person_id == who.person_id
    return select(Flag.id).where(mine, Flag.competition_id.in_(_in_mine(who)))


def _payouts(who: Whose) -> Select[uuid.UUID]:
    # By what they pay, for no index is on the person of a payout that has left.
    of_awards = select(Payout.id).join(Award, Award.id == Payout.award_id)
    of_adjustments = select(Payout.id).join(Adjustment, Adjustment.id == Payout.adjustment_id)
    found = union_all(
        of_awards.where(Award.person_id == who.person_id),
        of_adjustments.where(Adjustment.person_id == who.person_id),
    ).subquery()
    return select(Payout.id).where(
        Payout.id.in_(select(found.c.id)), Payout.person_id == who.person_id
    )


def _accounts(who: Whose) -> Select[int]:
    return select(LedgerAccount.id).where(LedgerAccount.person_id == who.person_id)


def _postings(who: Whose) -> Select[uuid.UUID]:
    entry = LedgerEntry.account_id.in_(_accounts(who))
    return select(LedgerEntry.transaction_id).where(entry)


MEASURED = frozenset({"slots"})
LEASE = frozenset({"lease_token", "lease_until"})
DATA_OF_OTHERS = frozenset(
    {"metric", "source", "day", "class", "slots", "evidence", "reason", "other_person_id"}
)

PARTS: tuple[Part, ...] = (
    Part("person", Person, lambda who: Person.id == who.person_id, frozenset({"id", "sub"})),
    Part("consent", Consent, lambda who: Consent.person_id == who.person_id),
    Part(
        "connection",
        FitnessConnection,
        lambda who: FitnessConnection.person_id == who.person_id,
        frozenset({"day_digests"}),
    ),
    Part(
        "sync", SyncRequest, lambda who: SyncRequest.person_id == who.person_id, LEASE | {"trace"}
    ),
    Part("source", Source, lambda who: Source.person_id == who.person_id),
    Part("source_order", SourceOrder, lambda who: SourceOrder.person_id == who.person_id),
    Part(
        "record",
        Record,
        lambda who: Record.person_id == who.person_id,
        thousandths=frozenset({"value"}),
    ),
    Part("day", SlotDay, lambda who: SlotDay.person_id == who.person_id, thousandths=MEASURED),
    Part(
        "former_day",
        SlotDayVersion,
        lambda who: SlotDayVersion.person_id == who.person_id,
        thousandths=MEASURED,
    ),
    Part("participation", Participant, lambda who: Participant.person_id == who.person_id),
    Part(
        "score_day",
        ScoreDay,
        lambda who: (
            (ScoreDay.person_id == who.person_id) & ScoreDay.competition_id.in_(_in_mine(who))
        ),
        thousandths=frozenset({"counted", "drops"}),
    ),
    Part(
        "former_score",
        FormerScore,
        lambda who: (
            (FormerScore.person_id == who.person_id) & FormerScore.competition_id.in_(_in_mine(who))
        ),
    ),
    Part(
        "posting",
        Posting,
        lambda who: (
            (Posting.person_id == who.person_id) & Posting.competition_id.in_(_in_mine(who))
        ),
        frozenset({"number", "idempotency_key", "api_key_id"}),
    ),
    Part("flag", Flag, lambda who: Flag.id.in_(_flags(who)), thousandths=MEASURED),
    Part(
        "past_decision",
        PastDecision,
        lambda who: (
            PastDecision.flag_id.in_(_flags(who)) | (PastDecision.decided_by == who.person_id)
        ),
    ),
    Part(
        "behind_notice",
        BehindNotice,
        lambda who: (
            (BehindNotice.person_id == who.person_id)
            & BehindNotice.competition_id.in_(_in_mine(who))
        ),
    ),
    Part(
        "ruling",
        Ruling,
        lambda who: (
            ((Ruling.person_id == who.person_id) & Ruling.competition_id.in_(_in_mine(who)))
            | (Ruling.author_id == who.person_id)
        ),
    ),
    Part("award", Award, lambda who: Award.person_id == who.person_id),
    Part("payout", Payout, lambda who: Payout.id.in_(_payouts(who)), LEASE),
    Part(
        "payout_step",
        PayoutStep,
        lambda who: PayoutStep.payout_id.in_(_payouts(who)),
        callers=frozenset({"actor"}),
    ),
    Part("payout_difference", Difference, lambda who: Difference.payout_id.in_(_payouts(who))),
    Part("payout_account", PayoutAccount, lambda who: PayoutAccount.person_id == who.person_id),
    Part(
        "adjustment",
        Adjustment,
        lambda who: or_(
            Adjustment.person_id == who.person_id,
            Adjustment.proposed_by == who.person_id,
            Adjustment.approved_by == who.person_id,
        ),
    ),
    Part(
        "ledger_entry",
        LedgerEntry,
        lambda who: LedgerEntry.account_id.in_(_accounts(who)),
        frozenset({"account_id"}),
    ),
    Part(
        "ledger_transaction",
        LedgerTransaction,
        lambda who: (
            LedgerTransaction.id.in_(_postings(who))
            | (LedgerTransaction.author_id == who.person_id)
        ),
    ),
    # What they did as organisers and admins.
    Part(
        "competition",
        Competition,
        lambda who: Competition.organiser_id == who.person_id,
        frozenset({"plan_after", "shut_at"}),
    ),
    Part(
        "past_rules",
        PastRules,
        lambda who: (
            (PastRules.changed_by == who.person_id) & PastRules.competition_id.in_(_organised(who))
        ),
    ),
    Part("transition", Transition, lambda who: Transition.author_id == who.person_id),
    Part(
        "decision",
        Flag,
        lambda who: (Flag.decided_by == who.person_id) & (Flag.person_id != who.person_id),
        DATA_OF_OTHERS,
    ),
    Part(
        "standing",
        Standing,
        lambda who: Standing.author_id == who.person_id,
        frozenset({"last_ruling_id", "last_score", "last_user_id", "last_rank", "digest"}),
    ),
    Part("calculation", PrizeCalculation, lambda who: PrizeCalculation.author_id == who.person_id),
    Part(
        "distribution",
        Distribution,
        lambda who: Distribution.author_id == who.person_id,
        frozenset({"laid_out_to"}),
    ),
    Part(
        "answer",
        IdempotencyKey,
        lambda who: IdempotencyKey.caller == str(who.user_id),
        frozenset({"caller", "fingerprint", "locked_until"}),
    ),
)
"""In the order in which they are given out; the places of frozen standings follow."""
