import os
import subprocess
import sys
from pathlib import Path

import pytest

from tm23flows.science.metals import METALS, metal
from tm23flows.testing.vasp_simulator.install import install_simulator
from tm23flows.testing.vasp_simulator.potential import COHESIVE_ENERGY_EV


def test_everything_is_there(installed):
    assert set(installed) == {"TM23_VASP_CMD", "TM23_VASP_GAMMA_CMD", "PMG_VASP_PSP_DIR"}
    for name in ("TM23_VASP_CMD", "TM23_VASP_GAMMA_CMD"):
        assert os.access(installed[name], os.X_OK)
    for functional in ("POT_GGA_PAW_PBE", "POT_GGA_PAW_PBE_54"):
        folder = Path(installed["PMG_VASP_PSP_DIR"]) / functional
        assert all((folder / f"POTCAR.{metal(m).potcar_title}").exists() for m in METALS)


def test_installing_twice_changes_nothing(tmp_path):
    first = install_simulator(tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert install_simulator(tmp_path) == first
    assert before == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}


def test_the_command_line_installs_and_prints_the_settings(tmp_path):
    folder = tmp_path / "a folder"
    command = [sys.executable, "-m", "tm23flows.testing.vasp_simulator", "install", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"export TM23_VASP_CMD='{folder}/vasp_std'" in done.stdout
    shell = done.stdout + 'exec "$TM23_VASP_CMD"'
    there = tmp_path / "empty"
    there.mkdir()
    refused = subprocess.run(
        ["sh", "-c", shell], cwd=there, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "INCAR is missing" in refused.stdout


def test_another_command_is_explained():
    command = [sys.executable, "-m", "tm23flows.testing.vasp_simulator", "remove"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_the_run_folder_cannot_replace_modules(prepare, launch):
    folder = prepare()
    (folder / "numpy.py").write_text("raise SystemExit(99)")
    assert launch(folder).returncode == 0


@pytest.mark.parametrize("symbol", METALS)
def test_every_metal_runs(run, read, symbol):
    folder = run(symbol=symbol, repeat=1, mesh="Gamma\n8 8 8\n", NSW=0, IBRION=-1)
    (frame,) = read(folder)
    n = len(frame.forces)
    assert frame.values["e_0_energy"] / n == pytest.approx(-COHESIVE_ENERGY_EV[symbol], rel=0.02)


def test_a_launch_loads_little(installed):
    """Nothing slow is imported: hundreds of launches in a test suite."""
    slow = ("pymatgen", "ase", "scipy", "pydantic", "atomate2", "custodian")
    code = (
        "import sys; import tm23flows.testing.vasp_simulator.simulate; "
        f"sys.exit(' '.join(set({slow!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
