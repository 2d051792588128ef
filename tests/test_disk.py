"""The question to the disk."""

import errno
import os

import pytest

from tm23flows import disk


@pytest.fixture
def failing(monkeypatch):
    def with_error(number):
        def fsync(_descriptor):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    return with_error


def test_a_disk_with_space_has_nothing_left_on_it(tmp_path):
    assert disk.has_space(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_and_a_spent_quota_are_full(failing, tmp_path, number):
    failing(number)
    assert not disk.has_space(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_error_is_no_full_disk(failing, tmp_path):
    failing(errno.EROFS)
    with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
        disk.has_space(tmp_path)
