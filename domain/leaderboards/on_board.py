"""Who is on a board, said once for all statements."""

from sqlalchemy import TextClause, text

ON_BOARD = "(SELECT * FROM participant WHERE disqualified_at IS NULL)"


def board_sql(statement: str) -> TextClause:
    """Return a statement in which `on_board AS ...` names the participants who are on a board."""
    return text(statement.replace("on_board AS", f"{ON_BOARD} AS"))
