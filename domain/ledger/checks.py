"""What is proved of the ledger: each check is a query for rows that are not as they should be.

It reads its tables once and joins them whole, so its time grows with their rows.
"""

import enum

from sqlalchemy import text

from domain.payouts.states import LIES_IN

EXAMPLES = 100
"""Findings of each kind that a report names."""

_UNBALANCED = text("""
    SELECT t.key AS subject,
           format('%s of %s entries, which sum to %s', count(e), t.entries, sum(e.amount)) AS detail
    FROM ledger_transaction t LEFT JOIN ledger_entry e ON e.transaction_id = t.id
    GROUP BY t.id
    HAVING (count(e), COALESCE(sum(e.amount), 1)) <> (t.entries, 0)
        OR bool_or(e.currency <> t.currency)
    ORDER BY t.id LIMIT :examples
""")
_NOT_OPPOSITE = text("""
    WITH both_sides AS (
        SELECT id AS reversal_id, id FROM ledger_transaction WHERE reverses_id IS NOT NULL
        UNION ALL
        SELECT id, reverses_id FROM ledger_transaction WHERE reverses_id IS NOT NULL
    ), left_over AS (
        SELECT b.reversal_id FROM both_sides b JOIN ledger_entry e ON e.transaction_id = b.id
        GROUP BY b.reversal_id, e.account_id HAVING sum(e.amount) <> 0
    )
    SELECT r.key AS subject, format('is not the opposite of %s', t.key) AS detail
    FROM ledger_transaction r JOIN ledger_transaction t ON t.id = r.reverses_id
    WHERE r.id IN (SELECT reversal_id FROM left_over)
    ORDER BY r.id LIMIT :examples
""")
_AWARDS = text("""
    WITH credited AS (
        SELECT t.key, k.person_id, k.currency, e.amount
        FROM ledger_transaction t
        JOIN ledger_entry e ON e.transaction_id = t.id
        JOIN ledger_account k ON k.id = e.account_id
        WHERE t.kind = 'award' AND k.kind = 'payable'
    )
    SELECT 'award:' || a.id AS subject, CASE
        WHEN t.id IS NULL THEN 'was never posted'
        WHEN c.amount IS DISTINCT FROM a.amount THEN 'was posted otherwise'
        WHEN p.id IS NULL THEN 'has no payout, though its distribution is laid out'
        ELSE 'has a payout to someone else, or of another amount' END AS detail
    FROM award a
    LEFT JOIN ledger_transaction t ON t.key = 'award:' || a.id AND t.kind = 'award'
    LEFT JOIN credited c ON c.key = t.key AND c.person_id = a.person_id AND c.currency = a.currency
    LEFT JOIN payout p ON p.award_id = a.id
    LEFT JOIN distribution d ON d.competition_id = a.competition_id
    WHERE c.amount IS DISTINCT FROM a.amount
        OR p.id IS NULL AND d.laid_out_at IS NOT NULL
        OR (p.amount + p.lowered, p.person_id, p.currency, p.competition_id, p.distribution_id)
            <> (a.amount, a.person_id, a.currency, a.competition_id, d.id)
    ORDER BY a.id LIMIT :examples
""")
_PLACES = """
    places AS (
        SELECT * FROM unnest(CAST(:statuses AS text[]), CAST(:kinds AS text[]))
            AS one(status, kind))
"""
# What is owed has one payout; what was taken back was taken from payouts of the same prize.
_ADJUSTMENTS = text("""
    WITH taken AS (
        SELECT competition_id, person_id, sum(amount) AS amount FROM (
            SELECT competition_id, person_id, -amount AS amount FROM adjustment
            WHERE approved_at IS NOT NULL AND amount < 0
            UNION ALL
            SELECT competition_id, person_id, -lowered FROM payout WHERE lowered > 0
        ) both_sides GROUP BY competition_id, person_id HAVING sum(amount) <> 0
    )
    SELECT 'adjustment:' || j.id AS subject, CASE
        WHEN (t.id IS NULL) <> (j.approved_at IS NULL) THEN 'is posted unlike its approval'
        WHEN p.id IS NULL THEN 'is approved and has no payout'
        ELSE 'has a payout that is not its own' END AS detail
    FROM adjustment j
    LEFT JOIN ledger_transaction t ON t.key = 'adjustment:' || j.id AND t.kind = 'adjustment'
    LEFT JOIN payout p ON p.adjustment_id = j.id
    WHERE (t.id IS NULL) <> (j.approved_at IS NULL)
        OR (p.id IS NOT NULL) <> (j.approved_at IS NOT NULL AND j.amount > 0)
        OR (p.amount + p.lowered, p.person_id, p.currency, p.competition_id)
            <> (j.amount, j.person_id, j.currency, j.competition_id)
    UNION ALL
    SELECT format('adjustments:%s:%s', competition_id, person_id),
           format('payouts were lowered by %s less', amount)
    FROM taken
    ORDER BY subject LIMIT :examples
""")
# What a payout's own postings have put on each account, the money's origins left out.
_LIES = text(f"""
    WITH {_PLACES}, own AS (
        SELECT p.id AS payout_id, t.id FROM payout p
        JOIN ledger_transaction t ON t.key = 'award:' || p.award_id
        UNION ALL
        SELECT p.id, t.id FROM payout p
        JOIN ledger_transaction t ON t.key = 'adjustment:' || p.adjustment_id
        UNION ALL
        SELECT s.payout_id, t.id FROM payout_step s
        JOIN ledger_transaction t ON t.key = 'payout:' || s.payout_id || ':' || s.number
    ), moved AS (
        SELECT own.payout_id, e.account_id, e.amount
        FROM own JOIN ledger_entry e ON e.transaction_id = own.id
        JOIN ledger_account k ON k.id = e.account_id
        WHERE k.kind NOT IN ('pool', 'funding')
        UNION ALL
        SELECT p.id, k.id, -p.lowered FROM payout p
        JOIN ledger_account k ON k.kind = 'payable' AND k.currency = p.currency
            AND k.person_id = p.person_id
        WHERE p.lowered > 0
    ), put AS (
        SELECT payout_id, account_id, sum(amount) AS amount
        FROM moved GROUP BY payout_id, account_id HAVING sum(amount) <> 0
    ), due AS (
        SELECT p.id AS payout_id, k.id AS account_id, p.amount
        FROM payout p JOIN places ON places.status = p.status
        LEFT JOIN ledger_account k ON k.kind = places.kind AND k.currency = p.currency
            AND COALESCE(k.rail, k.person_id::text)
                = CASE places.kind WHEN 'payable' THEN p.person_id::text ELSE p.rail END
        WHERE p.forfeited_at IS NULL
    )
    SELECT 'payout:' || payout_id AS subject,
           format('is %s, but account %s has %s of it and not %s', CASE
               WHEN p.forfeited_at IS NULL THEN p.status ELSE 'forfeited' END,
               account_id, COALESCE(put.amount, 0), COALESCE(due.amount, 0)) AS detail
    FROM put FULL JOIN due USING (payout_id, account_id) JOIN payout p ON p.id = payout_id
    WHERE put.amount IS DISTINCT FROM due.amount
    ORDER BY payout_id LIMIT :examples
""")  # noqa: S608  our own text
# What accounts should hold by the rows that their money is for. A pool's dealings with the outside
# are known from the ledger alone.
_ACCOUNTS = text(f"""
    WITH {_PLACES}, should AS (
        SELECT 'payable' AS kind, currency, NULL::uuid AS competition_id, person_id,
               NULL::text AS rail, amount FROM award
        UNION ALL
        SELECT 'payable', currency, NULL, person_id, NULL, amount
        FROM adjustment WHERE approved_at IS NOT NULL
        UNION ALL
        SELECT 'payable', p.currency, NULL, p.person_id, NULL, -p.amount
        FROM payout p JOIN places USING (status)
        WHERE places.kind <> 'payable' OR p.forfeited_at IS NOT NULL
        UNION ALL
        SELECT places.kind, p.currency, NULL, NULL, p.rail, p.amount
        FROM payout p JOIN places USING (status) WHERE places.kind <> 'payable'
        UNION ALL
        SELECT 'pool', currency, competition_id, NULL, NULL, amount
        FROM payout WHERE forfeited_at IS NOT NULL
        UNION ALL
        SELECT 'pool', currency, competition_id, NULL, NULL, -amount FROM award
        UNION ALL
        SELECT 'pool', currency, competition_id, NULL, NULL, -remainder FROM prize_calculation
        UNION ALL
        SELECT k.kind, k.currency, k.competition_id, NULL, NULL, e.amount
        FROM ledger_account k JOIN ledger_entry e ON e.account_id = k.id
        JOIN ledger_transaction t ON t.id = e.transaction_id
        LEFT JOIN ledger_transaction r ON r.id = t.reverses_id
        WHERE k.kind = 'pool' AND COALESCE(r.kind, t.kind) IN ('fund', 'pool_return')
    ), due AS (
        SELECT kind, currency, competition_id, person_id, rail, sum(amount) AS amount
        FROM should GROUP BY kind, currency, competition_id, person_id, rail
    ), held AS (
        SELECT k.*, COALESCE(sum(e.amount), 0) AS amount
        FROM ledger_account k LEFT JOIN ledger_entry e ON e.account_id = k.id
        WHERE k.kind <> 'funding' GROUP BY k.id
    )
    SELECT concat_ws(':', kind, currency, COALESCE(person_id::text, competition_id::text, rail))
               AS subject,
           format('holds %s and should hold %s', held_amount, due_amount) AS detail
    FROM (
        SELECT kind, currency, competition_id, person_id, rail,
               COALESCE(sum(amount) FILTER (WHERE is_held), 0) AS held_amount,
               COALESCE(sum(amount) FILTER (WHERE NOT is_held), 0) AS due_amount
        FROM (
            SELECT kind, currency, competition_id, person_id, rail, amount, true AS is_held
            FROM held
            UNION ALL SELECT due.*, false FROM due
        ) both_sides GROUP BY kind, currency, competition_id, person_id, rail
    ) compared
    WHERE held_amount <> due_amount OR kind IN ('pool', 'payable') AND held_amount < 0
    ORDER BY subject LIMIT :examples
""")  # noqa: S608  our own text


class Check(enum.StrEnum):
    """What is proved."""

    BALANCE = "balance"
    """Every transaction is whole, of one currency, and sums to zero."""
    REVERSAL = "reversal"
    """Every reversal is the opposite of what it names."""
    ACCOUNT = "account"
    """Every account holds what the rows say that its money is for; nobody's is overdrawn."""
    AWARD = "award"
    """Every award was posted, and is in one payout once its distribution is laid out."""
    ADJUSTMENT = "adjustment"
    """Every approved adjustment was posted, and paid by one payout or taken from some."""
    PAYOUT = "payout"
    """Every payout's money lies where its status says."""


CHECKS = {
    Check.BALANCE: _UNBALANCED,
    Check.REVERSAL: _NOT_OPPOSITE,
    Check.ACCOUNT: _ACCOUNTS,
    Check.AWARD: _AWARDS,
    Check.ADJUSTMENT: _ADJUSTMENTS,
    Check.PAYOUT: _LIES,
}


VALUES = {"statuses": [*LIES_IN], "kinds": [*LIES_IN.values()], "examples": EXAMPLES}
"""What the checks are told."""
