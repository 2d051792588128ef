"""The marginal likelihood of a sparse process, and the weights that follow from it.

Owns the algebra: with the labels y, their noise D and the whitened kernel V, the
likelihood is that of N(y | 0, s^2 V^T V + D), the one that FLARE maximises. Inverse
and determinant follow from B = 1 + s^2 V D^-1 V^T, one Cholesky factorisation of the
size of the sparse set; the number of labels appears nowhere.
"""

from __future__ import annotations

import numpy as np
from flare_statistics import Problem
from scipy.linalg import blas, lapack, solve_triangular


def log_likelihood(problem: Problem, values: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the logarithm of the marginal likelihood and its gradient.

    Parameters
    ----------
    problem
        Sums over the labels.
    values
        Signal (eV), noise of energy (eV/atom), force (eV/A) and stress (eV/A^3).

    Returns
    -------
    The value, and its derivatives (4,) with respect to the logarithms of ``values``.
    Both are NaN where the matrix cannot be factorised.
    """
    signal, precisions = values[0] ** 2, values[1:] ** -2.0
    factor, info = _factorise(problem, signal, precisions)
    if info:
        return np.nan, np.full(4, np.nan)
    right = precisions @ problem.vectors
    x, _ = lapack.dpotrs(factor, right, lower=1)
    determinant = 2.0 * np.sum(np.log(np.diag(factor)))
    fit = precisions @ problem.squares - signal * (right @ x)
    noise = problem.constant - problem.numbers @ np.log(precisions)
    total = fit + determinant + noise + np.sum(problem.numbers) * np.log(2 * np.pi)

    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    slopes = [2.0 * (len(x) - np.trace(inverse) - signal * (x @ x))]
    for q, gram in enumerate(problem.grams):
        curve = x @ blas.dsymv(1.0, gram, x, lower=1)
        trace = 2.0 * np.dot(inverse.ravel("K"), gram.ravel("K"))
        trace -= np.diag(inverse) @ np.diag(gram)
        slope = problem.squares[q] - 2.0 * signal * (problem.vectors[q] @ x)
        slope += signal**2 * curve + signal * trace
        slopes.append(-2.0 * (precisions[q] * slope - problem.numbers[q]))
    return -0.5 * float(total), -0.5 * np.array(slopes)


def sparse_weights(problem: Problem, factor: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return what the kernel with the sparse set is multiplied by in a prediction.

    Parameters
    ----------
    problem
        Sums over the labels.
    factor
        Lower Cholesky factor (m, m) of the sparse kernel for a signal of 1.
    values
        The four values.

    Returns
    -------
    Weights (m,) of the kernel for a signal of 1, in eV.
    """
    signal, precisions = values[0] ** 2, values[1:] ** -2.0
    inner, _ = _factorise(problem, signal, precisions)
    x, _ = lapack.dpotrs(inner, precisions @ problem.vectors, lower=1)
    return signal * solve_triangular(factor, x, lower=True, trans="T", check_finite=False)


def _factorise(problem: Problem, signal: float, precisions: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the lower factor of B, zeros above it, and what LAPACK says."""
    m = problem.vectors.shape[1]
    matrix = np.zeros((m, m), order="F")
    for precision, gram in zip(precisions, problem.grams, strict=True):
        blas.daxpy(gram.ravel("K"), matrix.ravel("K"), a=signal * precision)
    matrix[np.diag_indices(m)] += 1.0
    factor, info = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    return factor, info
