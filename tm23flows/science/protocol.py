"""The protocol of the TM23 paper, each number once, with where it comes from.

Owns the constants of Owen et al., npj Comput. Mater. 10, 92 (2024) and the three
temperatures of a metal. Does not own per-metal values (``metals``) nor the rules
that use the numbers (``cells``, ``sampling``, ``splits``).

Marks: [C] stated in the article; [I] inferred here because the article is silent,
a default that callers may override.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tm23flows.errors import InputError
from tm23flows.science.metals import metal

XC: Final = "PBE"  # [C] Methods, ab initio molecular dynamics
SPIN_POLARISED: Final = False  # [C] no spin polarisation anywhere, also for the magnetic metals
CUTOFF_EV: Final = 520.0  # [C] plane-wave cutoff (ENCUT) of all calculations

MIN_LENGTH_A: Final = 7.0  # [C] Results and Methods, in two wordings; see cells.supercell_matrix
N_VACANCIES: Final = 1  # [C] one random atom is deleted from each supercell

TIMESTEP_FS: Final = 5.0  # [C] POTIM
N_STEPS: Final = 11_000  # [C] 55 ps of NVT per temperature
NOSE_PERIOD_STEPS: Final = 40  # [C] Nose mass of 40 time steps
DISCARD_STEPS: Final = 1_000  # [C] the first 5 ps
STRIDE_STEPS: Final = 10  # [C] one frame per 50 fs
FRAMES_PER_TEMPERATURE: Final = 1_000  # [C] 81,000 in all: 27 metals, 3 temperatures

SMEARING_ORDER: Final = 1  # [I] Methfessel-Paxton is [C], its order is not stated
SIGMA_EV: Final = 0.2  # [C] smearing width of the labels, all metals
SIGMA_VARIANTS_EV: Final = (1.0, 2.0)  # [C] widths of the smearing study
SIGMA_METALS: Final = ("Au", "Cu", "Os", "Ti")  # [C] metals of the smearing study
NELECT_METALS: Final = ("Au", "Os")  # [C] metals whose electron counts are swapped
K_ENERGY_NOISE_EV_PER_ATOM: Final = 0.001  # [C] k-mesh converged below 1 meV/atom
K_FORCE_NOISE_EV_PER_A: Final = 0.005  # [C] and below 5 meV/A

FULL_TRAIN_PER_TEMPERATURE: Final = 900  # [C] first 900 frames of each temperature
FULL_TEST_PER_TEMPERATURE: Final = 100  # [C] last 100 frames of each temperature
LEARNING_CURVE_SIZES: Final = (100, 300, 500, 700, 900)  # [C] melt trajectory
LEARNING_CURVE_METALS: Final = ("Au", "Cu", "Os", "Ti")  # [C]
GRID_TRAIN: Final = 200  # [C] hyper-parameter grid, per metal
GRID_TEST: Final = 100  # [C]
PHONON_METALS: Final = ("Cu", "Os")  # [C] phonons with the models of the full set
FINITE_SIZE_METALS: Final = ("Os",)  # [C]
FINITE_SIZE_ATOMS: Final = 640  # [C] how they come out of a cell is not stated
FINITE_SIZE_TRAIN: Final = 200  # [C] sequential frames of the melt
FINITE_SIZE_TEST: Final = 50  # [C]


class Regime(StrEnum):
    """The three temperatures of the paper, named as in its data set."""

    COLD = "cold"
    WARM = "warm"
    MELT = "melt"

    @property
    def factor(self) -> float:
        """Multiple of the melting temperature."""
        return _FACTORS[self]


_FACTORS: Final = {Regime.COLD: 0.25, Regime.WARM: 0.75, Regime.MELT: 1.25}  # [C]


@dataclass(frozen=True)
class FlareProtocol:
    """FLARE settings stated in the article's Methods."""

    kernel_powers: tuple[int, ...] = (1, 2)  # [C] both are trained
    reported_power: int = 2  # [C] shown in the main text
    signal_variance: float = 2.0  # [C] start value; "variance" is the word of the article
    energy_noise_eV_per_atom: float = 0.001  # [C] start value
    force_noise_eV_per_A: float = 0.05  # [C] start value, varied with temperature
    stress_noise_eV_per_A3: float = 0.005  # [C] start value
    optimizer: str = "L-BFGS-B"  # [C]
    gradient_tolerance: float = 1e-4  # [C]
    max_iterations: int = 200  # [C]
    n_sparse_full: int = 2_700  # [C] about one environment per frame of the full set


@dataclass(frozen=True)
class NequipProtocol:
    """NequIP settings stated in the article's Methods."""

    force_weight: float = 1.0  # [C]
    stress_weight: float = 1.0  # [C]
    energy_weight: float = 1.0  # [C] per-atom mean squared error
    validation_fraction: float = 0.1  # [C] random part of the training frames
    learning_rate_factor: float = 0.2  # [C] "reduced by 80 %"
    patience_epochs: int = 100  # [C] without a better validation force MAE
    stop_learning_rate: float = 1e-5  # [C]
    # Index is l_max. The article prints these in the opposite order; the weight counts of its
    # Table 2 are met by this one only.
    features_by_lmax: tuple[int, ...] = (64, 32, 16, 8, 4, 2)


FLARE: Final = FlareProtocol()
NEQUIP: Final = NequipProtocol()


def temperature_K(  # noqa: N802 - the unit keeps its capital
    symbol: str, regime: Regime | str, melting_temperature_K: float | None = None
) -> float:
    """Return the AIMD temperature of a metal in one regime.

    Parameters
    ----------
    symbol
        Chemical symbol of one of the 27 metals.
    regime
        ``cold``, ``warm`` or ``melt``: 0.25, 0.75 or 1.25 of the melting temperature.
    melting_temperature_K
        Replaces the tabulated melting temperature, K.

    Returns
    -------
        Temperature, K.

    Raises
    ------
    InputError
        Unknown metal or regime, or a melting temperature that is not positive.
    """
    if regime not in list(Regime):
        raise InputError(f"'{regime}' is not a temperature regime: use cold, warm or melt.")
    melting_K = melting_temperature_K
    if melting_K is None:
        melting_K = metal(symbol).melting_temperature_K
    if not 0 < melting_K < float("inf"):
        raise InputError(f"A melting temperature of {melting_K} K is not positive: give it in K.")
    return Regime(regime).factor * melting_K
