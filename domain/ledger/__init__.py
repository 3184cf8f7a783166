"""The ledger: double entry, balances and their proof."""
