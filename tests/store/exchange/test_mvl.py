"""The snap and mlearn sets: small files in their layouts, and the sets themselves where they are."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tm23flows.documents.frame import Frame
from tm23flows.errors import InputError
from tm23flows.store.exchange.intake import sentences
from tm23flows.store.exchange.mvl import mvl_incoming
from tm23flows.store.files import import_files

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def shared(*names):
    paths = [SHARED / name for name in names]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        pytest.skip(f"shared test data not found: {', '.join(missing)}")
    return paths


def record(**fields):
    given = {
        "structure": {
            "lattice": {"matrix": [[3.0, 0, 0], [0.5, 4.0, 0], [0, 0, 5.0]]},
            "sites": [
                {"label": "Nb", "abc": [0, 0, 0]},
                {"species": [{"element": "Nb", "occu": 1}], "abc": [0.5, 0.5, 0.25]},
            ],
        },
        "outputs": {
            "energy": -20.5,
            "forces": [[0.1, 0, 0], [-0.1, 0, 0]],
            "stress": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        },
        "params": {"pp": {"Nb": "Nb_pv"}, "env": "bulk", "e_cut": 520, "k_prod": 40},
        "tags": ["Md_110"],
        "notes": {"Md_110": "300-28"},
        "group": "Nb",
    }
    return {**given, **fields}


def written(tmp_path, *records, name="Nb.json"):
    path = tmp_path / name
    path.write_text(json.dumps(list(records)))
    return path


def read(path, name="mvl-snap", **words):
    return list(mvl_incoming(path, name, words).read())


KBAR = 0.1 / 160.21766


def test_a_record_becomes_a_label(tmp_path):
    ((frame, label),) = read(written(tmp_path, record()))
    # VASP: positive under compression, xx yy zz xy yz xz
    assert label.stress == pytest.approx(-KBAR * np.array([1, 2, 3, 5, 6, 4]), rel=1e-6)
    assert frame.positions[1] == pytest.approx([1.75, 2.0, 1.25])
    assert label.energies.model_dump(exclude_none=True) == {"unspecified": -20.5}
    assert (label.temperature_K, frame.tags["snapshot"]) == (300.0, 28)
    assert frame.tags["config_type"] == "Md_110"
    assert label.recipe.cutoff_eV == 520
    assert label.recipe.pseudopotentials == {"Nb": "Nb_pv"}
    assert label.recipe.kmesh is None
    origin = label.provenance.inputs["import"]
    assert origin["licence"].startswith("BSD-3-Clause")
    assert "npj Comput. Mater. 6, 70" in origin["citation"]


def test_the_two_sets_differ_in_the_order_of_the_stress(tmp_path):
    outputs = record()["outputs"]
    other = {**outputs, "virial_stress": outputs["stress"]}
    del other["stress"]
    path = written(tmp_path, record(outputs=other))
    ((_, label),) = read(path, "mvl-mlearn")
    assert label.stress == pytest.approx(-KBAR * np.array([1, 2, 3, 6, 5, 4]), rel=1e-6)
    with pytest.raises(InputError, match="no 'stress': this is the layout of mvl-mlearn"):
        read(path, "mvl-snap")
    with pytest.raises(InputError, match="no 'virial_stress': this is the layout of mvl-snap"):
        read(written(tmp_path, record()), "mvl-mlearn")


@pytest.mark.parametrize(
    ("fields", "temperature", "snapshot"),
    [
        ({"notes": {"Md": "md-1000-3"}}, 1000.0, 3),
        ({"notes": {"Md": "md110-300-4"}}, 300.0, 4),
        ({"notes": {"Strain": "1---0.0100"}}, None, None),
        ({"notes": None, "description": "Snapshot 6 of 20 of AIMD at 3000 K"}, 3000.0, 6),
        ({"notes": None, "description": "Cu 3x3x3 cell, mode 6, strain 0.0700"}, None, None),
        ({"notes": None}, None, None),
    ],
)
def test_temperature_and_snapshot_where_they_are_said(tmp_path, fields, temperature, snapshot):
    ((frame, _),) = read(written(tmp_path, record(**fields)))
    assert (frame.temperature_K, frame.tags.get("snapshot")) == (temperature, snapshot)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda r: r["outputs"].pop("forces"), "Record 2 .* has no forces"),
        (lambda r: r["outputs"].pop("energy"), "Record 2 .* has no energy"),
        (lambda r: r["outputs"].pop("stress"), "Record 2 .* has no 'stress'"),
        (lambda r: r["outputs"]["forces"].pop(), "Record 2 .* forces of shape"),
        (lambda r: r["outputs"]["stress"].pop(), "Record 2 .* stress of shape"),
        (lambda r: r["structure"]["sites"][0].update(label="Xy"), "Record 2 .* not in the layout"),
        (lambda r: r.pop("structure"), "Record 2 .* not in the layout"),
    ],
)
def test_a_broken_record_is_named(tmp_path, damage, why):
    bad = record()
    damage(bad)
    with pytest.raises(InputError, match=why):
        read(written(tmp_path, record(), bad))


def test_files_that_are_no_sets_are_refused(tmp_path):
    path = tmp_path / "x.json"
    deep = "[" * 100_000
    for content, why in (
        ("{", "no readable JSON"),
        (deep, "no readable JSON"),
        ("{}", "no list"),
        ("[]", "no list"),
    ):
        path.write_text(content)
        with pytest.raises(InputError, match=why):
            read(path)
    cut = tmp_path / "x.json.gz"
    cut.write_bytes(gzip.compress(path.read_bytes())[:-4])
    with pytest.raises(InputError, match="no readable JSON"):
        read(cut)
    with pytest.raises(InputError, match="no file"):
        read(tmp_path / "none.json")


def test_what_the_sets_say_cannot_be_declared(tmp_path):
    with pytest.raises(InputError, match="say themselves what their energy is"):
        read(written(tmp_path, record()), energy="free")
    ((_, label),) = read(written(tmp_path, record()), stress="none", licence="MIT")
    assert label.stress is None
    assert label.provenance.inputs["import"]["licence"] == "MIT"


@pytest.mark.parametrize(
    ("metal", "expected"),
    [
        ("Nb", {300: 0.395, 1000: 0.706, 3000: 1.266}),
        ("W", {300: 0.571, 2000: 1.423, 4000: 1.948}),
    ],
)
def test_mean_absolute_forces_of_the_snap_sets(archive, metal, expected):
    """Check values of the set's description, 40 frames at each temperature."""
    paths = shared(f"snap_NbMoTaW/{metal}_AIMD.json.gz")
    (done,) = import_files(archive, paths, metal, "mvl-snap")
    assert (done.n_read, done.n_repeated, done.n_contradicting) == (200, 0, 0)
    forces = {}
    for label in archive.labels(dataset=metal):
        if archive.get(Frame, label.frame_id).tags["config_type"] == "Md":
            forces.setdefault(label.temperature_K, []).append(np.abs(label.forces).mean())
    assert {t: len(values) for t, values in forces.items()} == dict.fromkeys(expected, 40)
    for temperature, value in expected.items():
        assert np.mean(forces[temperature]) == pytest.approx(value, abs=5e-4)


def test_the_mlearn_copper_frames_are_in_the_snap_set(archive):
    """All 31 are found by their ids, and read with their own order the stresses agree."""
    snap = shared(*(f"snap_CuNi/Cu_{one}" for one in ("AIMD.json.gz", "Vacancy.json.gz")))
    snap += shared("snap_CuNi/Cu_Elastic.json.gz", "snap_CuNi/Cu_Surface.json")
    (first,) = import_files(archive, snap, "snap", "mvl-snap")
    assert first.n_read == 294
    # One unstrained cell is there twice, with energies that differ.
    assert (first.n_frames, first.n_contradicting, first.n_known) == (293, 1, 0)
    (second,) = import_files(archive, shared("mlearn/Cu_test.json.gz"), "mlearn", "mvl-mlearn")
    assert (second.n_frames, second.n_known) == (31, 31)
    assert "31 of 31 frames were in the archive before." in list(sentences(second))
    for label in archive.labels(dataset="mlearn"):
        (other,) = (one for one in archive.labels(frame=label.frame_id) if one.id != label.id)
        assert label.stress == pytest.approx(other.stress, abs=1e-7)
        assert label.forces == pytest.approx(other.forces, abs=1e-7)


def test_stretched_cells_pull(archive):
    """Check of the sign: under tension the stress is positive."""
    (path,) = shared("snap_NbMoTaW/Nb_Elastic.json")
    pressures = [
        (abs(np.linalg.det(frame.cell)), label.stress[:3].mean()) for frame, label in read(path)
    ]
    volumes, means = np.array(pressures).T
    assert np.corrcoef(volumes, means)[0, 1] > 0.9
