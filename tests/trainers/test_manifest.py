from __future__ import annotations

import pytest

from tm23flows.errors import TrainingError
from tm23flows.trainers.manifest import MANIFEST, check_manifest, write_manifest


@pytest.fixture
def model(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"weights")
    (tmp_path / "b.json").write_text("{}")
    return tmp_path


def test_unchanged_files_pass(model):
    files = write_manifest(model, ["a.bin", "b.json"])
    assert set(files) == {"a.bin", "b.json", MANIFEST}
    assert all(path.is_file() for path in files.values())
    sums = check_manifest(model, ["a.bin"])
    assert list(sums) == ["a.bin"]
    assert len(sums["a.bin"]) == 64


def test_one_changed_byte_is_refused(model):
    write_manifest(model, ["a.bin", "b.json"])
    (model / "a.bin").write_bytes(b"weightS")
    with pytest.raises(TrainingError, match=r"'a.bin'.*not loaded"):
        check_manifest(model, ["a.bin", "b.json"])


@pytest.mark.parametrize("listed", [["a.bin"], ["a.bin", "b.json"]])
def test_a_file_that_is_unlisted_or_gone_is_refused(model, listed):
    write_manifest(model, listed)
    if "b.json" in listed:
        (model / "b.json").unlink()
    with pytest.raises(TrainingError, match=r"incomplete \('b.json'"):
        check_manifest(model, ["a.bin", "b.json"])


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"sha256": 3}', "not json"])
def test_a_manifest_that_says_nothing_is_refused(model, text):
    if text is not None:
        (model / MANIFEST).write_text(text)
    with pytest.raises(TrainingError, match=MANIFEST):
        check_manifest(model, ["a.bin"])
