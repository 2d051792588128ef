"""Files that are missing on purpose."""

import pytest

from tm23flows.errors import NotFoundError
from tm23flows.store.not_shipped import forget_shipped, not_shipped, note_not_shipped


def test_what_was_noted_is_known_until_it_comes(archive):
    note_not_shipped(archive.database, ["a", "b"])
    note_not_shipped(archive.database, ["b"])
    note_not_shipped(archive.database, [])
    assert not_shipped(archive.database, ["a", "b", "c"]) == {"a", "b"}
    forget_shipped(archive.database, ["a", "c"])
    assert not_shipped(archive.database, iter(["a", "b"])) == {"b"}


def test_who_reads_such_a_file_is_told_why_it_is_missing(archive):
    note_not_shipped(archive.database, ["a" * 64])
    with pytest.raises(NotFoundError, match="left out when the model came here"):
        archive.blobs.get("a" * 64)
    with pytest.raises(NotFoundError, match="is not in the archive"):
        archive.blobs.get("b" * 64)
