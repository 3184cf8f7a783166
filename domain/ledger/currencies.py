"""How a currency's minor units are written for people."""

from decimal import Decimal

WITHOUT = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
        *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
WITH_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
WITH_FOUR = frozenset(("CLF", "UYW"))
"""Numbers of decimals by ISO 4217, list one; all others have two."""


def decimals_of(currency: str) -> int:
    """Return how many decimals of a currency its minor unit is."""
    for decimals, currencies in ((0, WITHOUT), (3, WITH_THREE), (4, WITH_FOUR)):
        if currency in currencies:
            return decimals
    return 2


def written(amount: int, currency: str) -> str:
    """Return minor units as people read them: `12.50` of 1250 EUR."""
    return str(Decimal(amount).scaleb(-decimals_of(currency)))
