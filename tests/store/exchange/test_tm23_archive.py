"""TM23's archive, in files that are written here under its names; the archive was not at hand."""

import zipfile
from contextlib import ExitStack

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from tm23flows.errors import InputError
from tm23flows.store.exchange import tm23_names
from tm23flows.store.exchange.tm23_archive import tm23_incoming
from tm23flows.store.exchange.tm23_names import archive_files
from tm23flows.store.files import import_files

STRESS = {"stress_unit": "eV/A^3", "stress_sign": "tension"}
COUNTS = {"train": 9, "test": 1}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Nine and one frames stand for 900 and 100."""
    monkeypatch.setattr(tm23_names, "COUNTS", COUNTS)


def frames(metal, regime, first, count):
    found = []
    for number in range(first, first + count):
        atoms = bulk(metal, "fcc", a=4.0, cubic=True)
        seed = 1000 * ("cold", "warm", "melt").index(regime) + number
        atoms.rattle(0.1, seed=seed)
        rng = np.random.default_rng(seed)
        atoms.calc = SinglePointCalculator(
            atoms,
            energy=-10.0 - number,
            forces=rng.normal(0, 1, (4, 3)),
            stress=rng.normal(0, 1, 6),
        )
        found.append(atoms)
    return found


@pytest.fixture
def folder(tmp_path):
    """Files of two metals, as the archive unpacks."""
    place = tmp_path / "benchmarking_master_collection"
    place.mkdir()
    for metal in ("Cu", "Os"):
        for part, (first, count) in {"train": (0, 9), "test": (9, 1)}.items():
            every = [frames(metal, one, first, count) for one in ("cold", "warm", "melt")]
            for regime, some in zip(("cold", "warm", "melt"), every, strict=True):
                write(place / f"{metal}_{regime}_nequip_{part}.xyz", some, format="extxyz")
            write(
                place / f"{metal}_2700cwm_{part}.xyz",
                [one for some in every for one in some],
                format="extxyz",
            )
    return place


def files(paths, metal=None):
    with ExitStack() as stack:
        return archive_files(paths, metal, stack)


def of(folder, *names):
    return [folder / f"{name}.xyz" for name in names]


ALL_CU = [f"Cu_{t}_nequip_{p}" for p in ("train", "test") for t in ("cold", "warm", "melt")]


def test_names_say_metal_temperature_and_part(folder):
    found = files(of(folder, *reversed(ALL_CU)))
    assert [(one.part, one.regime) for one in found] == [
        (part, regime) for part in ("train", "test") for regime in ("cold", "warm", "melt")
    ]
    assert {one.metal for one in found} == {"Cu"}
    (whole,) = files(of(folder, "Os_2700cwm_train"))
    assert (whole.metal, whole.regime, whole.part, whole.count) == ("Os", None, "train", 27)


def test_the_files_of_a_metal_become_a_dataset_in_two_parts(archive, folder):
    (done,) = import_files(archive, of(folder, *ALL_CU), "Cu", "tm23", STRESS)
    dataset = done.named.dataset
    assert {part: len(ids) for part, ids in dataset.parts.items()} == {"train": 27, "test": 3}
    assert dataset.energy == "unspecified"
    labels = {one.id: one for one in archive.labels()}
    ordered = [labels[one] for one in dataset.parts["train"]]
    assert [one.regime for one in ordered] == ["cold"] * 9 + ["warm"] * 9 + ["melt"] * 9
    assert [one.energies.unspecified for one in ordered[:9]] == [-10.0 - i for i in range(9)]
    recipe = ordered[0].recipe
    assert (recipe.cutoff_eV, recipe.sigma_eV, recipe.spin_polarized) == (520, 0.2, False)
    assert recipe.kmesh is None
    assert recipe.options["source"] == "tm23 Cu"
    origin = ordered[0].provenance.inputs["import"]
    assert (origin["file"], origin["licence"]) == ("Cu_cold_nequip_train.xyz", "not stated")
    assert "6c-b3" in origin["citation"]
    frame = next(iter(archive.frames(frame=ordered[3].frame_id)))
    assert frame.tags["index"] == 4
    assert (frame.step, frame.temperature_K) == (None, None)


def test_the_2700cwm_files_hold_the_same_frames(archive, folder):
    import_files(archive, of(folder, *ALL_CU), "Cu", "tm23", STRESS)
    paths = of(folder, "Cu_2700cwm_train", "Cu_2700cwm_test")
    (again,) = import_files(archive, paths, "Cu-all", "tm23", STRESS)
    assert again.n_known == again.n_frames == 30


def test_the_two_kinds_of_files_are_never_mixed(folder):
    with pytest.raises(InputError, match=r"2700cwm files repeat .* never both"):
        files(of(folder, "Cu_2700cwm_train", "Cu_cold_nequip_test"))
    with pytest.raises(InputError, match="never both"):
        files([folder], "Cu")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["Cu_hot_nequip_train"], "no name of a file of TM23's archive"),
        (["Cu_cold_nequip_valid"], "no name"),
        (["Si_cold_nequip_train"], "not one of the 27 metals"),
        (["Ag_cold_nequip_train"], "no file"),
        (["Cu_cold_nequip_train", "Os_cold_nequip_train"], "files of Cu, Os, .* one metal"),
        (["Cu_cold_nequip_train", "Cu_cold_nequip_train"], "two files of cold train"),
        ([], "no file of TM23's archive"),
    ],
)
def test_wrong_files_are_refused(folder, names, why):
    with pytest.raises(InputError, match=why):
        files(of(folder, *names))


def test_counts_are_checked(archive, folder):
    path = folder / "Cu_cold_nequip_train.xyz"
    write(path, frames("Cu", "cold", 0, 8), format="extxyz")
    with pytest.raises(InputError, match=r"holds 8 frames, and TM23's has 9; .* counts=any"):
        import_files(archive, [path], "Cu", "tm23", STRESS)
    assert archive.database["frames"].count_documents({}) == 0
    (done,) = import_files(archive, [path], "Cu", "tm23", {**STRESS, "counts": "any"})
    assert done.n_read == 8
    with pytest.raises(InputError, match="no counts 'some'"):
        tm23_incoming(files([path]), dict(STRESS), "some")


def test_the_stress_must_be_declared(folder):
    found = files(of(folder, "Cu_cold_nequip_test"))
    with pytest.raises(InputError, match="Nobody here has seen unit and sign of the stress"):
        tm23_incoming(found, {})
    _, label = next(iter(tm23_incoming(found, {"stress": "none"})[0].read()))
    assert label.stress is None
    _, label = next(iter(tm23_incoming(found, dict(STRESS))[0].read()))
    expected = frames("Cu", "cold", 9, 1)[0].get_stress()
    assert label.stress == pytest.approx(expected, rel=1e-12)
    with pytest.raises(InputError, match="fixes 'regime'"):
        tm23_incoming(found, {**STRESS, "regime": "warm"})


def test_the_zip_itself(archive, folder, tmp_path):
    path = tmp_path / "benchmarking_master_collection-1.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for one in folder.iterdir():
            packed.write(one, f"{folder.name}/{one.name}")
    with pytest.raises(InputError, match="many metals; say --declare metal=Cu"):
        files([path])
    (done,) = import_files(archive, [path], "Os", "tm23", {**STRESS, "metal": "Os"})
    assert {part: len(ids) for part, ids in done.named.dataset.parts.items()} == {
        "train": 27,
        "test": 3,
    }
