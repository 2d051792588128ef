"""The memory of the response: the same as Pulay's mixing, and kept where it stays true."""

import numpy as np
import pytest
from ase.build import bulk

pytest.importorskip("gpaw")

from tm23flows.documents.recipe import Recipe
from tm23flows.engines import gpaw_warm
from tm23flows.engines.gpaw import GpawEngine
from tm23flows.engines.gpaw_mixing import ResponseMemory

pytestmark = pytest.mark.gpaw


class Numbers:
    """What stands in for a density on a grid or of atoms in GPAW."""

    def __init__(self, data):
        self.data = np.array(data, dtype=float)

    def new(self, data):
        return Numbers(data)


class LinearElectrons:
    """Electrons whose output is ``answer + response @ (input - answer)``; the answer may move."""

    def __init__(self, response, answer):
        self.response, self.answer = response, answer
        self.nt_sR, self.D_asii = Numbers(np.zeros((1, 4))), Numbers(np.zeros((1, 2)))

    @property
    def numbers(self):
        return np.concatenate([self.nt_sR.data.ravel(), self.D_asii.data.ravel()])

    def update(self, electrons):
        del electrons
        output = self.answer + self.response @ (self.numbers - self.answer)
        self.nt_sR.data.flat, self.D_asii.data.flat = output[:4], output[4:]


class Mixer:
    """The settings and the measure of a Pulay mixer of GPAW."""

    beta, nmaxold = 0.1, 16

    def reset(self):
        pass

    def move(self, *where):
        pass

    def add_compensation_charge(self, grid, atoms, density):
        del density
        return Numbers(np.concatenate([grid.data.ravel(), atoms.ravel()]))

    def metric(self, charge):
        return Numbers(charge.data * np.linspace(1, 2, charge.data.size))

    def calculate_charge_sloshing(self, charge):
        return np.abs(charge.data).sum()


def converge(mixer, electrons, limit=1e-8):
    """Iterate as GPAW does and return the number of iterations."""
    mixer.reset()
    error = mixer.mix(electrons)
    assert error == np.inf
    for iteration in range(1, 100):
        if error < limit:
            return iteration
        electrons.update(None)
        error = mixer.mix(electrons)
    pytest.fail("not converged")


@pytest.fixture
def electrons():
    rng = np.random.default_rng(4)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    response = rotation @ np.diag([-6, -3, -1, -0.5, 0.2, 0.5]) @ rotation.T
    return LinearElectrons(response, rng.normal(size=6))


def test_known_responses_are_used_for_another_answer_and_forgotten_after_a_move(electrons):
    mixer = Mixer()
    memory = ResponseMemory(mixer)
    first = converge(mixer, electrons)
    assert first > 6  # one for each dimension of the response
    np.testing.assert_allclose(electrons.numbers, electrons.answer, atol=1e-6)
    electrons.answer = electrons.answer + np.random.default_rng(5).normal(size=6)
    memory.go_on(electrons, None)
    assert converge(mixer, electrons) <= 4
    np.testing.assert_allclose(electrons.numbers, electrons.answer, atol=1e-6)
    mixer.move()
    electrons.answer = electrons.answer + 1
    assert converge(mixer, electrons) > 6


def test_a_calculation_that_is_not_gone_on_with_begins_anew(electrons):
    mixer = Mixer()
    ResponseMemory(mixer)
    first = converge(mixer, electrons)
    electrons.answer = electrons.answer + 1
    assert converge(mixer, electrons) > first - 3


def label(folder):
    engine = GpawEngine(folder)
    atoms = bulk("Cu", "fcc", a=3.61) * (2, 1, 1)
    atoms.positions[1] += [0.1, -0.05, 0.08]
    mesh = {"kmesh": (2, 2, 2), "kmesh_offset": (0.25,) * 3}
    recipe = engine.complete(Recipe(engine="gpaw", cutoff_eV=250, **mesh), ["Cu"])
    return next(engine.label([atoms], recipe))


def test_a_cold_label_is_that_of_the_mixer_of_gpaw(tmp_path, monkeypatch):
    ours = label(tmp_path / "ours")
    monkeypatch.setattr(gpaw_warm, "ResponseMemory", lambda _: None)
    gpaw = label(tmp_path / "gpaw")
    assert ours.effort.scf_iterations == gpaw.effort.scf_iterations
    assert ours.energies.free == pytest.approx(gpaw.energies.free, abs=1e-6)
    np.testing.assert_allclose(ours.forces, gpaw.forces, atol=1e-4)
