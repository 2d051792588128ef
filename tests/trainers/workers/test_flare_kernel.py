from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.flare

ELEMENTS = [29, 79]
PICKS = [[0, 4, 5], [2, 9], [1]]
TO_ASE = [0, 3, 5, 4, 2, 1]


@pytest.fixture
def both(flare_module, flare_frames, own_flare):
    """Our sparse set and blocks, and FLARE's own matrices with the same environments."""

    def make(power: int):
        frame, kernel = flare_module("flare_frame"), flare_module("flare_kernel")
        settings = {"descriptor": "B2", "nmax": 3, "lmax": 2, "cutoff_A": 5.0, "power": power}
        noise = {"sigma": 1.0, "noise_energy": 1e-3, "noise_force": 0.05, "noise_stress": 5e-3}
        model = {"settings": settings, "elements": ELEMENTS, "atom_energies": [0.0, 0.0]}
        model |= {"sparse_indices": PICKS, "values": noise}
        descriptor = frame.make_descriptor(settings, 2)
        values = [frame.look_at(a, descriptor, ELEMENTS, 5.0) for a in flare_frames]
        looked = [frame.unit_descriptors(one) for one in values]
        chosen = [(i, pick) for i, picks in enumerate(PICKS) for pick in picks]
        units = np.array([looked[i][0][pick] for i, pick in chosen])
        species = np.array([looked[i][1][pick] for i, pick in chosen])
        sparse = kernel.sparse_set(units, species, power, 2)
        blocks = [kernel.kernel_block(sparse, frame.describe(one), one.n_atoms) for one in values]
        # FLARE keeps sparse environments sorted by species, in the order of their atoms
        order = np.argsort(species, kind="stable")
        return kernel, sparse, blocks, own_flare(flare_frames, model).sparse_gp, order

    return make


@pytest.mark.parametrize("power", [1, 2])
def test_every_element_is_that_of_flare(both, flare_frames, power):
    _, sparse, blocks, theirs, order = both(power)
    assert set(sparse.species) == {0, 1}
    expected, start = np.asarray(theirs.Kuf), 0
    for atoms, block in zip(flare_frames, blocks, strict=True):
        n = len(atoms)
        part = expected[:, start : start + 7 + 3 * n]
        start += 7 + 3 * n
        assert block[:-6].T[order] == pytest.approx(part[:, :-6], abs=1e-10)
        assert block[-6:].T[order] == pytest.approx(-part[:, -6:][:, TO_ASE], abs=1e-10)
        assert np.abs(part[:, 1:]).max() > 1e-2
    assert start == expected.shape[1]


@pytest.mark.parametrize("power", [1, 2])
def test_the_factor_is_that_of_flares_sparse_kernel(both, power):
    kernel, sparse, _, theirs, order = both(power)
    factor = kernel.sparse_factor(sparse)
    found = (factor @ factor.T)[np.ix_(order, order)]
    assert found == pytest.approx(np.asarray(theirs.Kuu) + kernel.JITTER * np.eye(6), abs=1e-12)
    assert np.array_equal(factor, np.tril(factor))


def test_one_element_alone_gives_the_same_kernel(both):
    kernel, sparse, _, _, _ = both(2)
    copper = np.flatnonzero(sparse.species == 0)
    alone = kernel.sparse_set(sparse.units[copper], np.zeros(len(copper), int), 2, 1)
    factor, part = kernel.sparse_factor(sparse), kernel.sparse_factor(alone)
    assert part @ part.T == pytest.approx((factor @ factor.T)[np.ix_(copper, copper)], abs=1e-14)


def test_the_local_kernel_is_that_of_the_sparse_environments(both):
    kernel, sparse, _, _, _ = both(2)
    factor = kernel.sparse_factor(sparse)
    whole = factor @ factor.T - kernel.JITTER * np.eye(6)
    for species in (0, 1):
        members = sparse.members[species]
        found = kernel.local_kernel(sparse, sparse.units[members], species)
        assert found == pytest.approx(whole[:, members], abs=1e-12)
