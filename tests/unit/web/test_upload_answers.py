"""The answer to an upload: its bytes are what the document's model says."""

from hypothesis import given
from hypothesis import strategies as st

from domain.fitness.records import RecordCode, Result, Status, Uploaded
from web.records import encoded
from web.schemas.records import UploadAnswer

ids = st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper())
results = st.builds(Result, ids, st.sampled_from(Status), st.none() | st.sampled_from(RecordCode))


@given(st.lists(results, max_size=5), st.integers(0, 500))
def test_it_is_encoded_as_by_the_model(found: list[Result], deleted: int) -> None:
    done = Uploaded(found, deleted, scores_changed=0)
    assert encoded(done).decode() == UploadAnswer.model_validate(done).model_dump_json()


def test_an_upload_of_nothing_is_answered_too() -> None:
    assert encoded(Uploaded([], 0, 0)) == b'{"results":[],"deleted":0}'
