import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tm23flows.cli.demo import largest_force

TM23 = Path(sys.executable).with_name("tm23")

FEW_EPOCHS = """
import sys
if sys.orig_argv[2:3] == ["build"]:
    from tm23flows.flows import scales
    scales.DEMO_NEQUIP["max_epochs"] = 3
"""
"""What each Python of the demo does first: the one that builds the workflow shortens a training."""


def test_an_unknown_metal_starts_nothing(tm23, tmp_path):
    ran = tm23("demo", "--metal", "Xx", "--work", tmp_path / "work")
    assert ran.code == 2
    assert "Xx" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_the_largest_force_is_the_length_of_a_vector(make_frame, make_label):
    label = make_label(make_frame(), forces=np.array([[3.0, 0, 4.0], [-4.5, 0, 0]]))
    assert largest_force(label) == 5.0


@pytest.fixture
def _few_epochs(tmp_path, monkeypatch):
    """The network is trained for a moment: how good it gets, no test here asks."""
    (tmp_path / "sitecustomize.py").write_text(FEW_EPOCHS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("_few_epochs")
@pytest.mark.slow
@pytest.mark.fireworks
@pytest.mark.flare
@pytest.mark.nequip
@pytest.mark.timeout(1800)
def test_the_whole_road_through_lpad_and_rlaunch(tmp_path):
    """The main job with EMT for the forces: database, workers, trainers, table, trace, report.

    A second run in the same folder finds everything there and makes nothing new.
    """
    first = _demo(tmp_path)
    assert "24/24 jobs, 144 MD steps, 24 frames, 57 labels, 2 models" in first
    for word in ("flare", "nequip", "cold", "warm", "melt", "label noise"):
        assert word in first
    assert first.count("largest force") == 4, "one frame, several labels"
    for noun in ("evaluation", "models", "dataset", "labels", "frames", "trajector", "structure"):
        assert noun in first
    assert "MISSING" not in first
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.count("<svg") + page.count("data:image") >= 3

    second = _demo(tmp_path)
    assert "24/24 jobs, 144 MD steps, 24 frames, 57 labels, 2 models" in second


@pytest.mark.usefixtures("_few_epochs")
@pytest.mark.slow
@pytest.mark.fireworks
@pytest.mark.flare
@pytest.mark.nequip
@pytest.mark.timeout(1800)
def test_the_whole_road_on_vasp(tmp_path, vasp):
    """The same with VASP's simulator under custodian."""
    assert vasp
    out = _demo(tmp_path, "vasp", "--workers", "3")
    assert "24/24 jobs, 144 MD steps, 24 frames, 57 labels, 2 models" in out
    assert "vasp 6.4.3-simulator (vasp_std)" in out
    assert "MISSING" not in out


def _demo(folder: Path, engine: str = "emt", *more: str) -> str:
    words = ["demo", "--engine", engine, "--work", "work", "--report", "report/index.html", *more]
    done = subprocess.run(
        [TM23, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=880
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
