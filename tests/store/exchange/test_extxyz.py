"""Extended XYZ: nothing is lost on the way, and nothing false comes back."""

import re
from io import StringIO

import numpy as np
import pytest
from ase.io import read, write
from hypothesis import given
from hypothesis import strategies as st

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.exchange.extxyz import read_atoms, read_labels, write_labels


@pytest.fixture
def pairs(make_frame, make_label):
    frames = [make_frame(seed=seed) for seed in range(3)]
    return [(frame, make_label(frame)) for frame in frames]


@pytest.fixture
def path(tmp_path, pairs):
    path = tmp_path / "labels.xyz"
    with path.open("w") as file:
        assert write_labels(file, pairs) == 3
    return path


def assert_same(read_back, written):
    assert len(read_back) == len(written)
    for pair, expected in zip(read_back, written, strict=True):
        for document, original in zip(pair, expected, strict=True):
            assert document.model_dump_json() == original.model_dump_json()


def test_documents_come_back_bit_by_bit(path, pairs):
    assert_same(list(read_labels(path)), pairs)


def test_a_whole_road_comes_back(emt_archive, tmp_path):
    labels = list(emt_archive.labels())
    from tm23flows.documents.frame import Frame

    frames = emt_archive.get_many(Frame, [label.frame_id for label in labels])
    path = tmp_path / "all.xyz"
    with path.open("w") as file:
        write_labels(file, zip(frames, labels, strict=True))
    assert len(labels) > 24
    assert_same(list(read_labels(path)), list(zip(frames, labels, strict=True)))


numbers = st.floats(-1e6, 1e6)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@given(
    force=st.floats(allow_nan=False, allow_infinity=False),
    place=numbers,
    stress=st.none() | st.lists(numbers, min_size=6, max_size=6),
    inputs=st.dictionaries(words, words | st.integers(-(2**53), 2**53) | st.lists(words)),
    origin=words,
)
def test_any_numbers_and_words_come_back(
    tmp_path_factory, make_frame, make_label, force, place, stress, inputs, origin
):
    frame = make_frame(positions=[[place, 0, 0], [-place, 1, 1]], origin=origin)
    label = make_label(
        frame,
        forces=[[force, -0.0, 0], [1e-320, 1, 2]],
        stress=stress,
        provenance=Provenance.now({"a": "1"}, inputs),
        recipe=Recipe(engine="emt", options={"word": origin}),
    )
    path = tmp_path_factory.mktemp("xyz") / "one.xyz"
    with path.open("w", encoding="utf-8") as file:
        write_labels(file, [(frame, label)])
    assert_same(list(read_labels(path)), [(frame, label)])


@pytest.mark.parametrize("energy", ["free", "sigma0", "without_entropy"])
def test_other_programs_read_energy_forces_and_stress(pairs, tmp_path, energy):
    path = tmp_path / "labels.xyz"
    with path.open("w") as file:
        write_labels(file, pairs, energy)
    for atoms, (frame, label) in zip(read(path, ":"), pairs, strict=True):
        assert atoms.get_potential_energy() == getattr(label.energies, energy)
        assert np.array_equal(atoms.get_forces(), label.forces)
        assert np.array_equal(atoms.get_stress(), label.stress)
        assert np.array_equal(atoms.positions, frame.positions)
        assert atoms.pbc.all()
    assert_same(list(read_labels(path)), pairs)


def test_ref_keys_keep_the_plain_ones_free(pairs, tmp_path):
    path = tmp_path / "labels.xyz"
    with path.open("w") as file:
        write_labels(file, pairs, "sigma0", "REF")
    for atoms, (_, label) in zip(read(path, ":"), pairs, strict=True):
        assert atoms.calc is None
        assert atoms.info["REF_energy"] == label.energies.sigma0
        assert np.array_equal(atoms.arrays["REF_forces"], label.forces)
        xx, yy, zz, yz, xz, xy = label.stress
        assert atoms.info["REF_stress"].tolist() == [xx, xy, xz, xy, yy, yz, xz, yz, zz]
    assert_same(list(read_labels(path)), pairs)
    path.write_text(path.read_text().replace('REF_stress="', 'REF_stress="1 '))
    with pytest.raises(InputError, match=r"Frame 1 of labels.xyz has a REF_stress"):
        list(read_labels(path))
    with pytest.raises(InputError, match="no keys 'ref'; choose one of plain, REF"):
        write_labels(StringIO(), pairs, keys="ref")


def test_several_elements_and_config_types(make_frame, make_label, tmp_path):
    frame = make_frame(numbers=[29, 47], tags={"config_type": 'a "b"\nc'})
    pairs = [(frame, make_label(frame, stress=None))]
    path = tmp_path / "labels.xyz"
    with path.open("w") as file:
        write_labels(file, pairs)
    atoms = read(path)
    assert list(atoms.symbols) == ["Cu", "Ag"]
    assert atoms.info["config_type"] == 'a "b" c'
    assert "stress" not in atoms.calc.results
    assert_same(list(read_labels(path)), pairs)


def test_an_unknown_energy_is_refused(pairs):
    with pytest.raises(InputError, match="sigma0"):
        write_labels(StringIO(), pairs, "total")


def edit_atom(text, column, value, line=3):
    lines = text.split("\n")
    fields = lines[line].split()
    fields[column] = value
    lines[line] = " ".join(fields)
    return "\n".join(lines)


BROKEN = {
    "no forces": (lambda t: t.replace("forces:R:3", "other:R:3"), "Frame 1 .* no forces"),
    "no energy": (lambda t: re.sub(" energy=\\S+", "", t), "Frame 1 .* no energy"),
    "NaN in a force": (lambda t: edit_atom(t, 5, "nan"), "Frame 1 .* NaN in its forces"),
    "NaN in an energy": (
        lambda t: re.sub(" energy=\\S+", " energy=nan", t),
        "Frame 1 .* NaN in its energy",
    ),
    "NaN in a stress": (
        lambda t: re.sub(' stress="\\S+', ' stress="nan', t),
        "Frame 1 .* NaN in its stress",
    ),
    "energy is a word": (lambda t: re.sub(" energy=\\S+", " energy=abc", t), "else than numbers"),
    "a position was edited": (lambda t: edit_atom(t, 1, "0.5"), "Frame 1 .* geometry was changed"),
    "an element was edited": (lambda t: edit_atom(t, 0, "Ag"), "Frame 1 .* geometry was changed"),
    "a force was edited": (lambda t: edit_atom(t, 4, "0.5"), "Frame 1 .* label was changed"),
    "the energy was edited": (
        lambda t: re.sub(" energy=\\S+", " energy=-9.5", t),
        "Frame 1 .* label was changed",
    ),
    "a stress was edited": (
        lambda t: re.sub(' stress="\\S+', ' stress="5.0', t),
        "Frame 1 .* label was changed",
    ),
    "the recipe was edited": (
        lambda t: t.replace('\\"sigma_eV\\":0.2', '\\"sigma_eV\\":2.0'),
        "recipe id does not belong",
    ),
    "another layout": (
        lambda t: t.replace('\\"schema_version\\":2', '\\"schema_version\\":7'),
        "layout version 7",
    ),
    "JSON is cut": (lambda t: t.replace('\\"sigma_eV\\":', '\\"sigma_eV '), "not a readable"),
    "a foreign file": (lambda t: t.replace("tm23_label", "note"), "only files written by"),
    "JSON is a word": (lambda t: re.sub('tm23_frame="_JSON.*', "tm23_frame=x", t), "only files"),
    "the file is cut": (lambda t: "\n".join(t.split("\n")[:3]), "not a readable"),
    "a word for a number": (lambda t: edit_atom(t, 1, "x"), "not a readable"),
    "not a table at all": (lambda t: "Dear reader,\n" + t, "not a readable"),
    "empty": (lambda t: "", "holds no frame"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_or_edited_file_is_one_clear_sentence(path, what):
    damage, why = BROKEN[what]
    text = damage(path.read_text())
    assert text != path.read_text(), "the damage does not touch the file"
    path.write_text(text)
    with pytest.raises(InputError, match=why) as caught:
        list(read_labels(path))
    assert "\n" not in str(caught.value)


def test_damage_in_a_later_frame_names_it(path):
    path.write_text(edit_atom(path.read_text(), 5, "nan", line=7))
    with pytest.raises(InputError, match="Frame 2"):
        list(read_labels(path))


@pytest.mark.parametrize("content", [b"\x00\xff\xfe\x80" * 9, b"2\n"])
def test_bytes_that_are_no_table_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=path.name):
        list(read_atoms(path))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none.xyz", tmp_path):
        with pytest.raises(InputError, match="no file"):
            list(read_atoms(path))


def test_foreign_labelled_files_are_read_as_atoms_only(tmp_path, path):
    frames = read(path, ":")
    for atoms in frames:
        atoms.info.clear()
    foreign = tmp_path / "foreign.xyz"
    write(foreign, frames)
    assert len(list(read_atoms(foreign))) == 3
    with pytest.raises(InputError, match="how it was computed"):
        list(read_labels(foreign))
