"""The rank rule."""

from hypothesis import given
from hypothesis import strategies as st

from domain.leaderboards.board import ranked


@given(st.lists(st.integers(0, 5), max_size=30), st.data())
def test_any_slice_of_a_board_has_the_ranks_of_the_whole(
    scores: list[int], data: st.DataObject
) -> None:
    board = [(f"{n:04d}", score) for n, score in enumerate(sorted(scores, reverse=True))]
    better = [sum(other > score for _, other in board) for _, score in board]
    start = data.draw(st.integers(0, len(board)))
    first_rank = better[start] + 1 if start < len(board) else start + 1

    rows = ranked(board[start:], start, first_rank)

    assert [row.rank for row in rows] == [count + 1 for count in better[start:]]
    assert [(row.user_id, row.score) for row in rows] == board[start:]


def test_equal_scores_share_a_rank_and_the_next_one_is_skipped() -> None:
    assert [row.rank for row in ranked([("a", 9), ("b", 9), ("c", 7)], 0, 1)] == [1, 1, 3]
