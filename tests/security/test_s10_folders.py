"""S10: a folder that the database names is followed only if it is ours; nothing outside is lost."""

import os
import shutil

import pytest
from ase.build import bulk

from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.base import RawOutputs
from tm23flows.engines.vasp.inputs import TM23MDSet
from tm23flows.engines.vasp.makers import TM23MDMaker
from tm23flows.engines.vasp.packing import pack
from tm23flows.engines.vasp.places import attempts, fresh_folder, write_here
from tm23flows.errors import InputError
from tm23flows.jobs.own_folder import mark_folder, own_folder
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import run_trajectory

RECIPE = {"engine": "vasp", "cutoff_eV": 300.0}
DYNAMICS = {"ensemble": "nvt-nose-hoover", "temperature_K": 600.0, "seed": 3}


@pytest.fixture
def structure(archive):
    found = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    archive.put(found)
    return found


@pytest.fixture
def run(structure, archive, vasp, tmp_path, monkeypatch):
    """A function that runs the trajectory up to a step, in a new folder of its own."""
    maker = TM23MDMaker(input_set_generator=TM23MDSet())
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05, "monitor_freq": 2}

    def do(name, n_steps):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        done = run_trajectory(structure.id, RECIPE, DYNAMICS, n_steps, 2, "warm", maker)
        assert done["n_steps"] == n_steps
        return archive.get(Trajectory, done["trajectory_id"])

    return do


def content(folder):
    """Every path below a folder with what is in it and when it was changed."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in sorted(folder.rglob("*"))
    }


def point_to(archive, trajectory, folder):
    archive.database["trajectories"].update_one(
        {"_id": trajectory.id}, {"$set": {"run_folder": f"anywhere:{folder}"}}
    )


@pytest.mark.parametrize("how", ["foreign", "link to it", "attempt is a link"])
def test_a_foreign_folder_stays_as_it_is(how, run, archive, tmp_path):
    """A folder with the names of ours in it, which no job of this trajectory has made."""
    begun = run("first", 2)
    foreign = tmp_path / "foreign"
    (foreign / "steps-000003").mkdir(parents=True)
    (foreign / "steps-000003/vasprun.xml").write_text("somebody else's")
    place = foreign
    if how == "link to it":
        place = tmp_path / "link"
        place.symlink_to(foreign)
    elif how == "attempt is a link":
        place = tmp_path / "ours"
        place.mkdir()
        mark_folder(place, begun.id)
        (place / "steps-000003").symlink_to(foreign / "steps-000003")
    point_to(archive, begun, place)
    before = content(foreign)
    assert run("second", 4).id == begun.id
    assert content(foreign) == before


def test_our_own_folder_is_followed(run, archive):
    begun = run("first", 2)
    assert own_folder(begun.run_folder, begun.id) is not None


@pytest.mark.parametrize("place", ["/etc", "/", "/proc/self/cwd", "/tmp", "~", "../.."])
def test_folders_of_the_system_are_refused(place):
    assert own_folder(f"host:{place}", "ab" * 32) is None


def test_a_request_to_stop_goes_through_no_link(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder = fresh_folder(tmp_path, "steps-000001")
    (folder / "STOPCAR").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        write_here(folder, "STOPCAR", "LSTOP = .TRUE.\n")
    assert precious.read_text() == "mine"


def test_what_links_lead_to_is_neither_packed_nor_deleted(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    work = tmp_path / "work"
    folder = fresh_folder(work, "label-0001")
    (folder / "OUTCAR").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "precious")
    packed = pack(work, [folder])
    assert isinstance(packed, RawOutputs)
    assert list(packed.members) == ["label-0001/OUTCAR"]
    assert not folder.exists()
    assert (outside / "precious").read_text() == "mine"


def test_a_link_is_no_attempt(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "steps-000001.2").symlink_to(tmp_path / "outside")
    assert attempts(tmp_path, "steps-000001") == []


def test_others_of_this_machine_see_no_run_folder(tmp_path):
    old = os.umask(0)
    try:
        assert fresh_folder(tmp_path, "label-0001").stat().st_mode & 0o777 == 0o700
    finally:
        os.umask(old)


@pytest.mark.parametrize("key", ["files_to_transfer", "zip_name"])
def test_inputs_come_from_nowhere_else(key, tmp_path, vasp):
    from pymatgen.io.ase import AseAtomsAdaptor

    from tm23flows.engines.vasp.run import run_in

    maker = TM23MDMaker(input_set_generator=TM23MDSet(n_steps=1))
    maker.write_input_set_kwargs[key] = {"../out": "/etc/passwd"}
    atoms = bulk("Cu") * (2, 2, 2)
    with pytest.raises(InputError, match=f"cannot hold '{key}'"):
        run_in(tmp_path / "run", maker, AseAtomsAdaptor.get_structure(atoms))
    assert list(tmp_path.iterdir()) == []


def test_previous_folders_are_not_read(tmp_path, copper, vasp, monkeypatch):
    """What atomate2 calls prev_dir: neither the current folder nor another one is looked at."""
    from tm23flows.engines.vasp.makers import TM23StaticMaker
    from tm23flows.engines.vasp.run import run_in

    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("INCAR", "POSCAR", "KPOINTS", "CONTCAR"):
        (trap / name).write_text("no input of VASP at all")
    monkeypatch.chdir(trap)
    before = content(trap)
    maker = TM23StaticMaker()
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05}
    maker.write_input_set_kwargs |= {"from_prev": True, "clean_prev": True}
    assert run_in(tmp_path / "run", maker, copper).error is None
    assert content(trap) == before
    shutil.rmtree(trap)
