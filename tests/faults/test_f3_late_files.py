"""F3 of the fault matrix: files that come late, and handles that are stale."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from vasp_kit import (
    assert_invariants,
    label,
    put_frames,
    put_structure,
    rejections,
    run,
    the_trajectory,
)

from tm23flows.engines.vasp import places, statics
from tm23flows.errors import TM23Error

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


LATE = """#!/bin/sh
"{vasp}"
mv vasprun.xml elsewhere.xml
mv CONTCAR elsewhere
"""


@pytest.fixture
def late(vasp, work, tmp_path, monkeypatch):
    """Outputs that another machine has written appear at the second nap."""
    program, naps = tmp_path / "vasp_gam", []
    program.write_text(LATE.format(vasp=vasp["TM23_VASP_GAMMA_CMD"]))
    program.chmod(0o755)
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", str(program))

    def nap(seconds):
        naps.append(seconds)
        if len(naps) % 2 == 0:
            for name, late_name in {"vasprun.xml": "elsewhere.xml", "CONTCAR": "elsewhere"}.items():
                for path in work.glob(f"*/{late_name}"):
                    path.rename(path.with_name(name))

    monkeypatch.setattr(places, "time", SimpleNamespace(sleep=nap))
    return naps


def test_f3_7_a_file_that_comes_late_is_waited_for(archive, frame_ids, late):
    out = label(frame_ids[:1])
    assert out["accepted"] == 1
    assert len(late) == 2
    assert_invariants(archive, frame_ids[:1])


@pytest.mark.parametrize("first", ["vasprun.xml", "CONTCAR"])
def test_f3_7_files_of_a_run_that_come_late_are_waited_for(
    archive, structure, late, first, work, tmp_path
):
    other = {"vasprun.xml": "CONTCAR elsewhere", "CONTCAR": "vasprun.xml elsewhere.xml"}[first]
    program = tmp_path / "vasp_gam"
    program.write_text(program.read_text().replace(f"mv {other}", ""))
    run(structure, 10)
    assert [one.last_step for one in the_trajectory(archive).segments] == [5, 10]
    assert not list(work.glob("steps-*.2"))
    assert len(late) == 4
    assert_invariants(archive)


@pytest.fixture
def stale_handles(monkeypatch):
    """Let so many openings of vasprun.xml fail after a run, as when a file server moves on."""
    state, genuine = SimpleNamespace(left=0, failed=0, is_over=False), Path.open

    def handle(self, mode="r", *args, **kwargs):
        if self.name == "vasprun.xml" and "r" in mode and state.is_over and state.left > 0:
            state.left -= 1
            state.failed += 1
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(self))
        return genuine(self, mode, *args, **kwargs)

    def finished(*args, **kwargs):
        state.is_over = True
        return compare(*args, **kwargs)

    compare = statics.drifts
    monkeypatch.setattr(statics, "drifts", finished)
    monkeypatch.setattr(Path, "open", handle)
    monkeypatch.setattr(places, "PATIENCE_S", (0.01, 0.02, 0.03))
    return state


@pytest.mark.parametrize("times", [1, 3])
def test_f3_7_a_stale_handle_passes(archive, frame_ids, stale_handles, times):
    stale_handles.left = times
    out = label(frame_ids)
    assert (out["accepted"], stale_handles.failed) == (3, times)
    assert_invariants(archive, frame_ids)


def test_f3_7_a_stale_handle_that_does_not_pass_is_named(archive, frame_ids, stale_handles):
    stale_handles.left = 10_000
    with pytest.raises(TM23Error, match="Stale file handle"):
        label(frame_ids[:1])
    assert "Stale file handle" in rejections(archive)[frame_ids[0]]
    assert_invariants(archive, frame_ids[:1])
