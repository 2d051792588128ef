"""Rare-event folders: r == 0 marks an atom, null says nothing, both conventions, all labels."""

import io
import json
import zipfile

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from tm23flows.documents.frame import Frame
from tm23flows.errors import InputError
from tm23flows.store.exchange.rare_events import rare_incoming
from tm23flows.store.exchange.rare_folder import read_rare_events
from tm23flows.store.files import import_files

N_FRAMES = 5
MARKED = {0: [2], 1: [0, 5], 2: []}
"""Atoms in the middle of a hop, by frame; frames 3 and 4 do not say."""


def atoms_of(number):
    atoms = bulk("Si", cubic=True) * (1, 1, 2)
    del atoms[-1]
    atoms.rattle(0.1, seed=number)
    return atoms


def poscar(atoms):
    text = io.StringIO()
    write(text, atoms, format="vasp", direct=True)
    return text.getvalue()


def distances(number, cut):
    if number not in MARKED:
        return None
    atoms, marked = atoms_of(number), MARKED[number]
    if not marked:
        return [5.5 if cut else 7.0 + place for place in range(len(atoms))]
    found = atoms.get_all_distances(mic=True)[:, marked].min(axis=1)
    return [float(r) if r <= 5.0 or not cut else 5.5 for r in found]


def content(cut=False, labels=("DFT_K4",), energies=None):
    rng = np.random.default_rng(1)
    n_atoms = len(atoms_of(0))
    return {
        "Energies": {one: rng.normal(-80, 1, N_FRAMES).tolist() for one in (energies or labels)},
        "Forces": {one: rng.normal(0, 1, (N_FRAMES, n_atoms, 3)).tolist() for one in labels},
        "r": [distances(number, cut) for number in range(N_FRAMES)],
        "r_v": [None] * N_FRAMES,
    }


@pytest.fixture
def make(tmp_path):
    def make(data=None, zipped=True, extra=None, leave=()):
        folder = tmp_path / "RE"
        folder.mkdir(exist_ok=True)
        (folder / "DATA.json").write_text(json.dumps(data or content()))
        files = {f"{i}.POSCAR.vasp": poscar(atoms_of(i)) for i in range(N_FRAMES)}
        files["1_vacancies.POSCAR.vasp"] = poscar(atoms_of(1)[[3]])
        files |= extra or {}
        for name in leave:
            files.pop(name)
        for name, text in {} if zipped else files.items():
            (folder / name).write_text(text)
        if zipped:
            with zipfile.ZipFile(folder / "structures.zip", "w") as packed:
                for name, text in files.items():
                    packed.writestr(f"POSCARs/{name}", text)
        return folder

    return make


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_becomes_frames_with_their_atoms(archive, make, cut, zipped):
    data = content(cut)
    folder = make(data, zipped) if zipped else None
    if folder is None:
        folder = make_loose(make, data)
    (done,) = import_files(archive, [folder], "re", "rare-events")
    labels = archive.get_many(type(next(iter(archive.labels()))), done.named.dataset.label_ids)
    frames = archive.get_many(Frame, [one.frame_id for one in labels])
    for number, (frame, label) in enumerate(zip(frames, labels, strict=True)):
        # ASE writes a POSCAR with 16 decimals.
        assert frame.positions == pytest.approx(atoms_of(number).positions, abs=1e-12)
        assert label.forces.tolist() == data["Forces"]["DFT_K4"][number]
        assert label.energies.unspecified == data["Energies"]["DFT_K4"][number]
        assert label.stress is None
        assert frame.tags["index"] == number
        assert frame.tags.get("re_atoms") == MARKED.get(number)
        assert ("vacant_sites_A" in frame.tags) == (number == 1)
    assert frames[1].tags["vacant_sites_A"] == [
        pytest.approx(atoms_of(1).positions[3].tolist(), abs=1e-12)
    ]
    (note,) = done.notes
    assert note.startswith("3 atoms in the middle of a hop in 2 of 5 frames; 2 frames do not say")
    assert ("5.5 beyond" in note) == cut
    assert labels[0].recipe.kmesh == (4, 4, 4)
    assert done.named.dataset.provenance.inputs["DATA.json"] == frames[0].origin


def make_loose(make, data):
    folder = make(data, zipped=False)
    return folder / "DATA.json"


def test_labels_are_recipes_and_datasets_of_their_own(archive, make):
    data = content(labels=("DFT_K1", "DFT_K4", "DFT_K2"), energies=("DFT_K4", "DFT_K1"))
    first, second = import_files(archive, [make(data)], "re", "rare-events")
    assert (first.named.name, second.named.name) == ("re", "re-DFT_K1")
    assert first.notes[0] == "DFT_K2 has forces without energies in this file, and is left out."
    meshes = {one.recipe.kmesh for one in archive.labels()}
    assert meshes == {(4, 4, 4), (1, 1, 1)}
    assert second.n_known == second.n_frames == N_FRAMES
    assert archive.database["frames"].count_documents({}) == N_FRAMES
    by_hand = read_rare_events(make(data))
    assert by_hand.without_energy == ("DFT_K2",)


def changed(change):
    data = content()
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d.pop("Forces"), "not in the layout"),
        (lambda d: d.pop("r"), "not in the layout"),
        (lambda d: d.update(Energies=[1]), "no object 'Energies'"),
        (lambda d: d["Forces"].update(DFT_K8=d["Forces"]["DFT_K4"]), "label 'DFT_K8'"),
        (lambda d: d["Forces"]["DFT_K4"].pop(), "Forces of DFT_K4 are of 4 frames"),
        (lambda d: d["Forces"]["DFT_K4"].__setitem__(2, None), "frame 2 has no forces of DFT_K4"),
        (lambda d: d["Energies"]["DFT_K4"].__setitem__(1, None), "frame 1 has no energies"),
        (lambda d: d["Forces"]["DFT_K4"][3].pop(), "Frame 3 .* forces of shape"),
        (lambda d: d["Forces"]["DFT_K4"][3].__setitem__(0, [0, 0, float("nan")]), "NaN in its"),
        (lambda d: d["r"].pop(), "4 frames, and there are 5 POSCAR"),
        (lambda d: d["r"][0].pop(), "r of frame 0 is not one number for each of its 15"),
        (lambda d: d["r"][0].__setitem__(0, -1.0), "negative distance"),
        (lambda d: d["Forces"].clear(), "forces of none of"),
    ],
)
def test_broken_data_is_refused_and_stores_nothing(archive, make, change, why):
    with pytest.raises(InputError, match=why):
        import_files(archive, [make(changed(change))], "re", "rare-events")
    assert archive.database["frames"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"leave": ["3.POSCAR.vasp"]}, "there are 4 POSCAR files"),
        ({"extra": {"9_vacancies.POSCAR.vasp": poscar(atoms_of(1)[[3]])}}, "of frame 9"),
        ({"extra": {"0.POSCAR.vasp": "no structure"}}, "0.POSCAR.vasp is no readable POSCAR"),
        ({"extra": {"../5.POSCAR.vasp": "x"}}, "leads out of the folder"),
        ({"extra": {"1.POSCAR.vasp": poscar(bulk("Si"))}}, "each of its 2 atoms"),
    ],
)
def test_broken_structures_are_refused(make, words, why):
    with pytest.raises(InputError, match=why):
        read_rare_events(make(**words))


def test_the_folder_must_be_whole(tmp_path, make, archive):
    with pytest.raises(InputError, match="no file"):
        read_rare_events(tmp_path)
    folder = make()
    (folder / "second.zip").write_bytes((folder / "structures.zip").read_bytes())
    with pytest.raises(InputError, match="2 zip files"):
        read_rare_events(folder)
    (folder / "second.zip").unlink()
    (folder / "DATA.json").write_text("{")
    with pytest.raises(InputError, match="not in the layout"):
        read_rare_events(folder)
    with pytest.raises(InputError, match="one by one"):
        import_files(archive, [folder, folder], "re", "rare-events")


def test_what_the_format_says_cannot_be_declared(make):
    found = read_rare_events(make())
    with pytest.raises(InputError, match="say themselves what their kmesh is"):
        rare_incoming(found, "DFT_K4", "re", {"kmesh": "9x9x9"})
    said = rare_incoming(found, "DFT_K4", "re", {"cutoff_eV": "400", "licence": "MIT"})
    _, label = next(iter(said.read()))
    assert label.recipe.cutoff_eV == 400
    assert label.provenance.inputs["import"]["licence"] == "MIT"


def test_a_second_label_that_is_broken_stores_nothing_of_the_first(archive, make):
    data = content(labels=("DFT_K4", "DFT_K2"))
    data["Forces"]["DFT_K2"][2].pop()
    with pytest.raises(InputError, match=r"Frame 2 of .* DFT_K2 has forces of shape"):
        import_files(archive, [make(data)], "re", "rare-events")
    assert archive.database["labels"].count_documents({}) == 0
    assert archive.database["frames"].count_documents({}) == 0


def test_json_that_is_nested_too_deeply_is_one_sentence(make):
    folder = make()
    (folder / "DATA.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="not in the layout of rare events"):
        read_rare_events(folder)
