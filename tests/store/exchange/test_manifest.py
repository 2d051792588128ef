"""Manifests: what a file is, and that it is the one that is described."""

import json

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.manifest import (
    file_entry,
    manifest_path,
    quantities,
    read_manifest,
    verify_manifest,
)


@pytest.fixture
def described(tmp_path, manifest_of):
    path = tmp_path / "a.xyz"
    path.write_bytes(b"abc")
    manifest_path(path).write_text(manifest_of(path).model_dump_json())
    return path


def test_a_file_and_its_manifest_belong_together(described):
    assert manifest_path(described).name == "a.xyz.manifest.json"
    assert verify_manifest(described) == read_manifest(described)
    entry = file_entry(described)
    assert entry.bytes == 3
    # FIPS 180-2, appendix B.1
    assert entry.sha256.startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize("content", [b"abd", b"ab", b"abcd", b""])
def test_a_changed_file_is_refused(described, content):
    described.write_bytes(content)
    with pytest.raises(InputError, match="not the file that its manifest describes"):
        verify_manifest(described)


def test_a_renamed_file_is_refused(described):
    other = described.with_name("b.xyz")
    described.rename(other)
    manifest_path(described).rename(manifest_path(other))
    with pytest.raises(InputError, match="renamed"):
        verify_manifest(other)


def test_a_manifest_may_be_missing_unless_it_is_needed(described):
    manifest_path(described).unlink()
    assert verify_manifest(described) is None
    with pytest.raises(InputError, match=r"no manifest beside it .* and it is needed: get"):
        verify_manifest(described, "it is needed")
    with pytest.raises(InputError, match="no file"):
        verify_manifest(described.with_name("none"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[:-3],
        lambda t: t.replace('"version":1', '"version":2'),
        lambda t: t.replace('"format"', '"@module"'),
        lambda t: json.dumps([]),
    ],
)
def test_what_is_no_manifest_is_one_sentence(described, damage):
    beside = manifest_path(described)
    beside.write_text(damage(beside.read_text()))
    with pytest.raises(InputError, match="is no manifest of 'tm23 export'") as caught:
        verify_manifest(described)
    assert "\n" not in str(caught.value)


def test_units_sign_and_order_are_said():
    said = {one.name: one for one in quantities("free", "REF")}
    assert said["REF_forces"].unit == "eV/angstrom"
    assert said["REF_stress"].unit == "eV/angstrom^3"
    assert "positive under tension" in said["REF_stress"].meaning
    assert "xx yy zz yz xz xy" in said["REF_stress"].meaning
    assert "derivatives" in said["REF_energy"].meaning
    assert "does not say" in {q.name: q for q in quantities("unspecified")}["energy"].meaning
