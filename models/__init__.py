"""Tables of Podium. Columns, constraints and enums; no queries and no I/O."""

from models.api_key import ApiKey
from models.audit import ScoreAudit
from models.base import Base
from models.board import Board, BoardDirty
from models.competition import BehindNotice, Competition, CompetitionDay, Participant
from models.connection import FitnessConnection, FitnessToken
from models.consent import Consent
from models.device_look import DeviceLook
from models.erasure import Erasure
from models.flag import Flag, PastDecision
from models.idempotency import IdempotencyKey
from models.ledger import LedgerAccount, LedgerCheck, LedgerEntry, LedgerTransaction
from models.payout import Distribution, Payout, PayoutAccount, PayoutStep
from models.payout_gate import PayoutGate, PayoutLimit
from models.person import Person
from models.posting import Posting
from models.prize import Adjustment, Award, PrizeCalculation, PrizePlan
from models.reconciliation import Difference, Reconciliation
from models.record import Record
from models.rules import PastRules
from models.score import ScoreDay
from models.slots import SlotDay, SlotDayVersion
from models.source import Source, SourceOrder
from models.standing import FormerScore, Standing, StandingBlock
from models.sync import SyncRequest
from models.transition import Ruling, RulingKind, Transition
from models.webhook import WebhookEvent

__all__ = [
    "Adjustment",
    "ApiKey",
    "Award",
    "Base",
    "BehindNotice",
    "Board",
    "BoardDirty",
    "Competition",
    "CompetitionDay",
    "Consent",
    "DeviceLook",
    "Difference",
    "Distribution",
    "Erasure",
    "FitnessConnection",
    "FitnessToken",
    "Flag",
    "FormerScore",
    "IdempotencyKey",
    "LedgerAccount",
    "LedgerCheck",
    "LedgerEntry",
    "LedgerTransaction",
    "Participant",
    "PastDecision",
    "PastRules",
    "Payout",
    "PayoutAccount",
    "PayoutGate",
    "PayoutLimit",
    "PayoutStep",
    "Person",
    "Posting",
    "PrizeCalculation",
    "PrizePlan",
    "Reconciliation",
    "Record",
    "Ruling",
    "RulingKind",
    "ScoreAudit",
    "ScoreDay",
    "SlotDay",
    "SlotDayVersion",
    "Source",
    "SourceOrder",
    "Standing",
    "StandingBlock",
    "SyncRequest",
    "Transition",
    "WebhookEvent",
]
