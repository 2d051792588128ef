"""F3 of the fault matrix: files that are full, cut, damaged, of another run or half copied."""

import errno
import os
import re
import subprocess
import sys
import tarfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import engine_kit
import numpy as np
import pytest
from plant import wait_until
from vasp_kit import (
    assert_invariants,
    label,
    put_frames,
    put_structure,
    read,
    rejections,
    run,
    the_trajectory,
)

from tm23flows.documents.frame import Frame
from tm23flows.engines.vasp import places
from tm23flows.engines.vasp.outputs import iter_steps
from tm23flows.engines.vasp.packing import pack, read_back
from tm23flows.errors import DatabaseError, DiskFullError, InputError, TM23Error
from tm23flows.jobs.frame import select_frames
from tm23flows.store.raw_outputs import find_raw_outputs

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch, vasp):
    """A folder for the jobs of this test."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def structure(archive):
    return put_structure(archive)


@pytest.fixture
def frame_ids(archive, structure):
    return put_frames(archive, structure, 3)


def elsewhere(tmp_path, monkeypatch, name):
    """Work in another folder, as the next launch of a job does."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)


def test_f3_1_a_full_disk_keeps_the_complete_steps(
    archive, structure, faults, tmp_path, monkeypatch
):
    faults({"do": "enospc", "at_step": 4, "folder": "*steps-000006"})
    with pytest.raises(DiskFullError, match="disk_full"):
        run(structure, 20)
    assert the_trajectory(archive).n_steps == 8
    assert_invariants(archive)
    faults()
    elsewhere(tmp_path, monkeypatch, "larger disk")
    run(structure, 10)
    assert [one.first_step for one in the_trajectory(archive).segments] == [1, 6, 9]
    assert_invariants(archive)


def test_f3_1_a_full_disk_keeps_the_labels_before(
    archive, frame_ids, faults, tmp_path, monkeypatch
):
    faults({"do": "enospc", "folder": "*label-0002"})
    with pytest.raises(DiskFullError, match="disk_full"):
        label(frame_ids)
    assert [one.frame_id for one in archive.labels()] == frame_ids[:1]
    # The frame on which it happened is not rejected: nothing is wrong with it.
    assert rejections(archive) == {}
    faults()
    elsewhere(tmp_path, monkeypatch, "larger disk")
    out = label(frame_ids)
    assert (out["accepted"], out["existing"]) == (2, 1)
    assert_invariants(archive, frame_ids)


SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
from tm23flows.cli.main import main
sys.argv = ["tm23", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("old", [None, "the old file"])
@pytest.mark.parametrize("words", [("build", "Cu", "--engine", "emt"), ("export", "Cu-demo")])
def test_f3_2_what_we_write_is_whole_or_not_there(emt_archive, words, old, work):
    target = work / "file"
    if old:
        target.write_text(old)
    command = [sys.executable, "-c", SMALL_DISK, *words, "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert os.strerror(errno.EFBIG) in done.stderr
    assert [path.name for path in work.iterdir()] == (["file"] if old else [])
    if old:
        assert target.read_text() == old


SMALL_PACK = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
from tm23flows.engines.vasp.packing import pack
pack(Path.cwd(), [Path.cwd() / "label-0001"])
"""


def run_folder(work, name="label-0001", size=100_000):
    folder = work / name
    folder.mkdir()
    (folder / "vasprun.xml").write_bytes(np.random.default_rng(1).bytes(size))
    (folder / "INCAR").write_text("NSW = 0\n")
    return folder


def test_f3_2_a_pack_that_does_not_fit_leaves_the_runs(work):
    folder = run_folder(work)
    done = subprocess.run(
        [sys.executable, "-c", SMALL_PACK], capture_output=True, text=True, check=False
    )
    assert "TM23Error" in done.stderr
    assert [path.name for path in work.iterdir()] == ["label-0001"]
    assert sorted(path.name for path in folder.iterdir()) == ["INCAR", "vasprun.xml"]


@pytest.mark.parametrize("do", ["sigkill", "exit:1", "truncate:0.6"])
def test_f3_3_the_steps_of_a_cut_vasprun_are_those_of_outcar(faults, work, do):
    """Cuts at every kind of place are tested with the reader, in tests/engines/vasp."""
    faults({"do": do, "at_step": 7, "folder": "*steps-000001"})
    steps = list(engine_kit.run(work, 10))
    assert [one.state.step for one in steps] == list(range(1, 11))
    first = work / "steps-000001"
    complete = list(iter_steps(first / "vasprun.xml"))
    listed = re.findall(
        r"TOTAL-FORCE.*?\n -+\n(.*?)\n -+\n", (first / "OUTCAR").read_text(), re.DOTALL
    )
    if do.startswith("truncate"):
        assert 0 < len(complete) < len(listed)
    else:
        assert len(complete) == len(listed) == 6
    for step, text in zip(complete, listed, strict=False):
        forces = np.array([line.split()[3:] for line in text.splitlines()], dtype=float)
        assert np.allclose(forces, step.forces, atol=1e-5)


def test_f3_4_outputs_of_another_run_are_never_taken(archive, frame_ids, faults, work, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE_S", ())
    keep = label(frame_ids[:1])
    assert keep["accepted"] == 1
    # A killed job has left a good run of another frame under the name that comes next.
    stale = work / "label-0001"
    stale.mkdir()
    with tarfile.open(work / "vasp-runs.tar.gz") as tar:
        tar.extractall(work, filter="data")
    assert (stale / "vasprun.xml").stat().st_size
    faults({"do": "no_output"})
    with pytest.raises(TM23Error, match="wrote no vasprun"):
        label(frame_ids[1:])
    assert set(rejections(archive)) == set(frame_ids[1:])
    assert_invariants(archive, frame_ids)


def test_f3_5_garbage_is_rejected_and_the_segment_kept(archive, structure, faults):
    faults({"do": "garbage", "at_step": 3, "times": 1}, {"do": "nan", "at_step": 6, "times": 1})
    # Nobody looks before the end, so that the run has both.
    out = run(structure, 10, 10, look_every=10**9)
    arrays = read(archive)
    assert (np.flatnonzero(arrays["converged"] == 0) + 1).tolist() == [3, 6]
    assert np.isnan(arrays["energy_free"][[2, 5]]).all()
    assert np.isfinite(np.delete(arrays["energy_free"], [2, 5])).all()
    chosen = select_frames.original(out["trajectory_id"], 0, 3, 3)
    assert chosen["unusable_steps"] == 2
    steps = [frame.step for frame in archive.get_many(Frame, chosen["frame_ids"])]
    assert not {3, 6} & set(steps)
    assert_invariants(archive)


def test_f3_5_a_run_that_is_stopped_at_garbage_keeps_its_segment(archive, structure, faults):
    faults(
        {"do": "garbage", "at_step": 3, "folder": "*steps-000001"},
        {"do": "hang", "at_step": 5, "folder": "*steps-000001"},
        {"step_s": 0.2},
    )
    run(structure, 10, 10)
    arrays = read(archive)
    kept = the_trajectory(archive).segments[0].last_step
    assert kept in {2, 3, 4}
    # A look at step 3 before all files have it costs that step: it is computed again, and sound.
    bad = [3] if kept > 2 else []
    assert (np.flatnonzero(arrays["converged"] == 0) + 1).tolist() == bad
    assert_invariants(archive)


@pytest.mark.parametrize("do", ["garbage", "nan"])
def test_f3_5_a_label_of_garbage_is_rejected_with_the_reason(archive, frame_ids, faults, do):
    faults({"do": do, "folder": "*label-0002"})
    out = label(frame_ids)
    assert (out["accepted"], out["rejected"]) == (2, 1)
    assert list(rejections(archive)) == [frame_ids[1]]
    assert "not a number" in rejections(archive)[frame_ids[1]]
    assert_invariants(archive, frame_ids)


# Adds 1e6 eV to what VASP has written, as a broken file would have it: a number like others.
ADDING = """#!/bin/sh
"{vasp}"
"{python}" - <<END
import re
from pathlib import Path
path = Path("vasprun.xml")
more = lambda found: f"{{found[1]}} {{float(found[2]) + 1e6:.8f}} "
path.write_text(re.sub(r'(<i name="e_\\w+">)\\s*(\\S+)\\s*(?=<)', more, path.read_text()))
END
"""


@pytest.fixture
def adding(vasp, tmp_path, monkeypatch):
    program = tmp_path / "vasp_gam"
    program.write_text(ADDING.format(vasp=vasp["TM23_VASP_GAMMA_CMD"], python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", str(program))


def test_f3_5_a_label_with_an_impossible_energy_is_rejected(archive, frame_ids, adding):
    with pytest.raises(TM23Error, match="eV is impossible"):
        label(frame_ids)
    assert set(rejections(archive)) == set(frame_ids)
    assert_invariants(archive, frame_ids)


def test_f3_5_steps_with_impossible_energies_are_no_frames(archive, structure, adding):
    out = run(structure, 5)
    arrays = read(archive)
    assert not arrays["converged"].any()
    assert np.isnan(arrays["forces"]).all()
    assert np.isfinite(arrays["positions"]).all()
    with pytest.raises(InputError):
        select_frames.original(out["trajectory_id"], 0, 2, 2)
    assert archive.database["frames"].count_documents({}) == 0
    assert_invariants(archive)


def test_f3_5_flipped_bits_end_in_steps_or_in_another_run(archive, structure, tmp_path, vasp):
    """A leftover that is damaged anywhere is taken over, in part or not at all; never a crash."""
    dead = tmp_path / "dead"
    whole = list(engine_kit.run(dead, 4))
    path = dead / "steps-000001/vasprun.xml"
    content, rng = path.read_bytes(), np.random.default_rng(7)
    for number in range(25):
        place = int(rng.integers(len(content)))
        flipped = bytes([content[place] ^ (1 << int(rng.integers(7)))])
        path.write_bytes(content[:place] + flipped + content[place + 1 :])
        steps = list(engine_kit.run(tmp_path / f"heir-{number}", 4, leftover=dead))
        assert [one.state.step for one in steps] == [1, 2, 3, 4]
        for one, other in zip(steps, whole, strict=True):
            # A digit may be another, but it is a possible number or no result.
            assert np.isfinite(one.state.positions).all()
            assert one.result is None or np.abs(one.result.forces).max() < 1e3
            assert other.state.step == one.state.step


def test_f3_6_a_pack_that_is_cut_is_refused_and_its_record_says_what_is_missing(
    archive, frame_ids, work
):
    label(frame_ids)
    one = next(iter(archive.labels()))
    record = find_raw_outputs(archive, one.effort.folder)
    path = Path(record["path"].partition(":")[2])
    members = {member["name"]: member["sha256"] for member in record["members"]}
    assert read_back(path) == members
    content = path.read_bytes()
    assert sha256(content).hexdigest() == record["sha256"]
    os.truncate(path, len(content) // 2)
    with pytest.raises(TM23Error, match="damaged"):
        read_back(path)
    # A pack that is whole, but lacks a file.
    with tarfile.open(fileobj=BytesIO(content)) as old, tarfile.open(path, "w:gz") as new:
        for member in old.getmembers()[1:]:
            new.addfile(member, old.extractfile(member))
    assert set(members) - set(read_back(path)) == {min(members)}
    assert sha256(path.read_bytes()).hexdigest() != record["sha256"]


def test_f3_6_a_segment_with_a_missing_piece_is_refused(archive, structure):
    run(structure, 10)
    segment = the_trajectory(archive).segments[1]
    blobs = archive.database["blobs"]
    (stored,) = blobs.files.find({"_id": segment.blob})
    blobs.chunks.delete_one({"files_id": stored["_id"]})
    with pytest.raises(DatabaseError):
        read(archive)
    with pytest.raises(DatabaseError):
        run(structure, 15)
    assert the_trajectory(archive).n_steps == 10


SLOW_PACK = """
import sys, tarfile, time
from pathlib import Path
from tm23flows.engines.vasp import packing

quick = getattr({owner}, {name!r})

def slow(*args, **kwargs):
    Path("reached").write_text("")
    {wait}
    return quick(*args, **kwargs)

setattr({owner}, {name!r}, slow)
packing.pack(Path.cwd(), [Path.cwd() / "label-0001", Path.cwd() / "label-0002"])
"""

PLACES = {
    "while it is written": ("tarfile.TarFile", "addfile"),
    "before it is read back": ("packing", "read_back"),
    "before it has its name": ("Path", "replace"),
    "before the runs are deleted": ("packing.shutil", "rmtree"),
}


@pytest.mark.parametrize("place", PLACES)
def test_f3_8_a_killed_pack_loses_nothing(work, place):
    folders = [run_folder(work, name) for name in ("label-0001", "label-0002")]
    before = {
        path.relative_to(work): path.read_bytes() for one in folders for path in one.iterdir()
    }
    owner, name = PLACES[place]
    code = SLOW_PACK.format(owner=owner, name=name, wait="time.sleep(600)")
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_until(lambda: (work / "reached").exists() or process.poll() is not None)
        assert process.poll() is None
    finally:
        process.kill()
    process.wait(10)
    for path, content in before.items():
        assert (work / path).read_bytes() == content
    for found in work.glob("*.tar.gz"):  # what has its final name is whole
        assert set(read_back(found)) == set(map(str, before))
    packed = pack(work, folders)
    assert set(packed.members) == set(map(str, before))
    assert read_back(packed.path) == packed.members
    assert not any(folder.exists() for folder in folders)
    assert not list(work.glob("*.part"))
