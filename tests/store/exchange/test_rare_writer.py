"""Folders with rare events: what is written is read again as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.errors import InputError
from tm23flows.store.exchange.rare_folder import read_rare_events
from tm23flows.store.exchange.rare_writer import RareFrame, write_rare_events


def frame_of(seed, r=None, vacant=()):
    atoms = bulk("Cu", cubic=True) * (1, 1, 2)
    del atoms[-1]
    atoms.rattle(0.1, seed=seed)
    forces = np.random.default_rng(seed).normal(0, 1, (len(atoms), 3))
    return RareFrame(
        atoms, {"DFT_K4": -3.0 - seed}, {"DFT_K1": 2 * forces, "DFT_K4": forces}, r, r, vacant
    )


@pytest.fixture
def frames():
    r = [0.0, *(1.0 + place for place in range(6))]
    return [frame_of(0, r, [[0.1, 0.2, 0.3]]), frame_of(1), frame_of(2, r)]


def test_it_is_read_as_it_was_written(tmp_path, frames):
    written = write_rare_events(tmp_path / "RE", frames, {"labels": {"DFT_K4": {"kmesh": "6x6x6"}}})
    assert all(path.is_file() for path in written)
    found = read_rare_events(tmp_path / "RE")
    assert found.labels == ("DFT_K4",)
    assert found.without_energy == ("DFT_K1",)
    assert (found.kmesh("DFT_K4"), found.kmesh("DFT_K1")) == ("6x6x6", "1x1x1")
    for number, one in enumerate(frames):
        assert found.structures[number].positions == pytest.approx(one.atoms.positions, abs=1e-12)
        assert found.structures[number].cell.array == pytest.approx(one.atoms.cell.array)
        assert found.data["Forces"]["DFT_K1"][number] == one.forces_eV_per_A["DFT_K1"].tolist()
        assert found.data["Energies"]["DFT_K4"][number] == one.energies_eV["DFT_K4"]
        assert found.data["r"][number] == one.r_A
    assert found.vacancies[0].positions.tolist() == [pytest.approx([0.1, 0.2, 0.3])]
    assert list(found.vacancies) == [0]
    assert "plain distances" in list(found.notes())[-1]


def test_the_convention_is_stated_in_the_file(tmp_path, frames):
    write_rare_events(tmp_path, frames, {"rule": {"r_site_A": 0.8}})
    data = json.loads((tmp_path / "DATA.json").read_text())
    assert "nearest migrating atom" in data["convention"]
    assert data["rule"] == {"r_site_A": 0.8}
    assert list(data["Forces"]) == ["DFT_K4", "DFT_K1"]
    with pytest.raises(InputError, match="is not empty"):
        write_rare_events(tmp_path, frames, {})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: [], "no frame"),
        (lambda f: [replace(f[0], forces_eV_per_A={"mine": np.zeros((7, 3))})], "labels of such"),
        (lambda f: [f[0], replace(f[1], energies_eV={})], "Frame 1 has other labels"),
        (lambda f: [replace(f[0], forces_eV_per_A={k: v[:3] for k, v in f[0].forces_eV_per_A.items()})],
         "forces on others"),
        (lambda f: [replace(f[0], r_A=[1.0])], "distances of others"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, frames, change, why):
    with pytest.raises(InputError, match=why):
        write_rare_events(tmp_path / "RE", change(frames), {})
