from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

pytestmark = pytest.mark.flare

VALUES = np.array([1.7, 0.01, 0.2, 0.03])
STEP = 1e-5


@pytest.fixture
def dense(flare_module):
    """A problem with 6 environments and 9 labels of each kind, and all of it as matrices."""
    rng = np.random.default_rng(0)
    white = rng.standard_normal((3, 6, 9))
    y = rng.standard_normal((3, 9))
    sizes = np.arange(1.0, 10.0)
    scale = np.array([sizes, np.ones(9), np.ones(9)])
    problem = flare_module("flare_statistics").Problem(
        grams=[np.asfortranarray(np.tril(w @ w.T)) for w in white / scale[:, None]],
        vectors=np.array([w @ t for w, t in zip(white / scale[:, None], y / scale, strict=True)]),
        squares=np.sum((y / scale) ** 2, axis=1),
        numbers=np.full(3, 9.0),
        constant=2 * np.log(sizes).sum(),
    )
    return problem, np.hstack(white), y.ravel(), scale


def test_it_is_that_of_the_normal_distribution(flare_module, dense):
    problem, white, y, scale = dense
    noise = (VALUES[1:, None] * scale).ravel() ** 2
    covariance = VALUES[0] ** 2 * white.T @ white + np.diag(noise)
    found, _ = flare_module("flare_likelihood").log_likelihood(problem, VALUES)
    assert found == pytest.approx(multivariate_normal(cov=covariance).logpdf(y), rel=1e-9)


def test_its_gradient_is_that_of_finite_differences(flare_module, dense):
    evaluate = flare_module("flare_likelihood").log_likelihood
    _, gradient = evaluate(dense[0], VALUES)
    for i in range(4):
        shift = STEP * np.eye(4)[i]
        up, down = (evaluate(dense[0], VALUES * np.exp(s * shift))[0] for s in (1, -1))
        assert gradient[i] == pytest.approx((up - down) / (2 * STEP), rel=1e-6)


def test_weights_are_those_of_the_regression(flare_module, dense):
    problem, white, y, scale = dense
    factor = np.tril(np.random.default_rng(1).standard_normal((6, 6))) + 3 * np.eye(6)
    noise = (VALUES[1:, None] * scale).ravel() ** 2
    signal = VALUES[0] ** 2
    mean = signal * white @ np.linalg.solve(signal * white.T @ white + np.diag(noise), y)
    weights = flare_module("flare_likelihood").sparse_weights(problem, factor, VALUES)
    assert weights == pytest.approx(np.linalg.solve(factor.T, mean), rel=1e-9)


def test_what_cannot_be_factorised_is_not_a_number(flare_module, dense):
    dense[0].grams[1][2, 2] = -1e9
    found, gradient = flare_module("flare_likelihood").log_likelihood(dense[0], VALUES)
    assert np.isnan(found)
    assert np.isnan(gradient).all()


@pytest.mark.parametrize("power", [1, 2])
def test_value_and_gradient_are_those_of_flare(
    flare_module, flare_frames, own_flare, flare_problem, power
):
    problem, model = flare_problem(flare_frames, power)
    values = np.array(list(model["values"].values()))
    found, gradient = flare_module("flare_likelihood").log_likelihood(problem, values)
    theirs = own_flare(flare_frames, model).sparse_gp
    theirs.precompute_KnK()
    assert found == pytest.approx(theirs.compute_likelihood_gradient_stable(True), rel=1e-9)
    mean = sum(map(len, flare_frames)) / len(flare_frames)
    expected = np.asarray(theirs.likelihood_gradient) * values * [1, mean, 1, 1]
    assert gradient == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def flare_problem(flare_module):
    """The problem of frames and what FLARE needs to make it its own way."""

    def make(frames, power):
        module, statistics = flare_module("flare_frame"), flare_module("flare_statistics")
        kernel, elements = flare_module("flare_kernel"), [29, 79]
        settings = {"descriptor": "B2", "nmax": 3, "lmax": 2, "cutoff_A": 5.0, "power": power}
        settings |= {"minimum_variance": 1e-4, "environments_per_frame": 3}
        cut = module.make_descriptor(settings, 2), elements, 5.0
        chosen = flare_module("flare_select").Chosen(settings | {"max_environments": None})
        looked = [module.look_at(atoms, *cut) for atoms in frames]
        for values in looked:
            chosen.look_at(*module.unit_descriptors(values))
        sparse = kernel.sparse_set(chosen.units, chosen.species, power, 2)
        factor, labels = kernel.sparse_factor(sparse), statistics.read_labels(frames, elements)
        sums = statistics.no_sums(chosen.m, 2)
        for values in looked:
            block = kernel.kernel_block(sparse, module.describe(values), values.n_atoms)
            statistics.add_frame(sums, factor, block, labels)
        problem, energies = statistics.leading_problem(sums, labels, chosen.m)
        values = dict(
            zip(
                ["sigma", "noise_energy", "noise_force", "noise_stress"],
                [1.3, 2e-3, 0.1, 4e-3],
                strict=True,
            )
        )
        model = {"settings": settings, "elements": elements, "atom_energies": energies.tolist()}
        return problem, model | {"sparse_indices": chosen.picks, "values": values}

    return make
