"""The GPAW engine: real density functional theory in plane waves, open to everybody.

Owns the translation of a recipe into a GPAW calculation and back, and what may be
changed of a live one. GPAW is GPL-3 and an optional extra, so it is imported only
while it runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.engines.ase_engine import AseEngine
from tm23flows.engines.base import Setup
from tm23flows.engines.gpaw_setups import dataset_name, fingerprint, use_extra_datasets
from tm23flows.engines.gpaw_spectrum import read_spectrum, require_empty_bands
from tm23flows.engines.gpaw_warm import change_occupations, remember_response, start_orthonormal
from tm23flows.errors import InputError, MissingDependencyError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

    from tm23flows.science.spectrum import Spectrum

DEFAULT_OPTIONS: dict[str, Any] = {
    # Pulay mixing with this step took fewer iterations than GPAW's default on eight
    # metals tried, most on Fe and Mn; the density must then be converged further for
    # forces of the same accuracy (1.4 meV/angstrom).
    "eigensolver": "davidson",
    "mixer": {"name": "pulay", "beta": 0.25},
    "convergence": {"energy": 1e-5, "density": 3e-5},
    # Sampled frames have no point group. Time reversal remains and halves the k-points.
    "symmetry": {"point_group": False},
}

RECIPE_KEYWORDS = {"mode", "xc", "kpts", "occupations", "charge", "setups"}
"""Keywords of the calculator that come from fields of the recipe, and from nowhere else."""


class GpawEngine(AseEngine):
    """Plane-wave GPAW, serial, one warm calculator per batch.

    Parameters
    ----------
    workdir
        Folder for GPAW's text output: ``gpaw.txt``, then ``gpaw-2.txt`` and so on.
    setup
        What it is told about its task; None for a batch of labels with the defaults.

    Raises
    ------
    MissingDependencyError
        If GPAW is not installed.
    """

    name = "gpaw"

    def __init__(self, workdir: Path, setup: Setup | None = None) -> None:
        super().__init__(workdir, setup)
        try:
            from gpaw import ConvergenceError
        except ImportError as error:
            raise MissingDependencyError(
                "GPAW is not installed; run 'make setup', or pip install 'tm23flows[gpaw]'."
            ) from error
        self.failures = (*AseEngine.failures, ConvergenceError)
        self._calculators = 0
        _use_one_thread()

    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Make datasets, bands and convergence explicit.

        Parameters
        ----------
        recipe
            Settings as the user gave them; what is set stays.
        symbols
            Chemical symbols of the atoms.

        Returns
        -------
        A recipe that names the fingerprint of every dataset.

        Raises
        ------
        InputError
            If there is no cutoff, spin is asked for, an element has no dataset or not
            the one that the recipe names, or an option contradicts the recipe.
        """
        recipe.require_known()
        if recipe.cutoff_eV is None:
            raise InputError("A GPAW recipe needs a plane-wave cutoff (cutoff_eV).")
        if recipe.spin_polarized:
            raise InputError("The GPAW engine treats no spin, as TM23 does not.")
        if taken := RECIPE_KEYWORDS & set(recipe.options):
            raise InputError(
                f"The GPAW option '{min(taken)}' belongs to the recipe; set it there and not "
                "among its options."
            )
        options = {"nbands": _nbands(recipe.sigma_eV), **DEFAULT_OPTIONS, **recipe.options}
        datasets = {symbol: fingerprint(symbol, recipe.xc) for symbol in sorted(set(symbols))}
        for symbol, name in datasets.items():
            asked = recipe.pseudopotentials.get(symbol, name)
            if asked != name:
                raise InputError(
                    f"The recipe asks for the dataset {asked} of {symbol}, but here GPAW has "
                    f"{name}; take the pseudopotentials out of the recipe to use that one."
                )
        return recipe.model_copy(update={"options": options, "pseudopotentials": datasets})

    def inputs(self, recipe: Recipe) -> dict[str, Any]:
        """Return the keyword arguments of the calculator.

        Parameters
        ----------
        recipe
            A complete recipe.

        Returns
        -------
        JSON values.
        """
        return {
            "mode": {"name": "pw", "ecut": recipe.cutoff_eV},
            "xc": recipe.xc,
            "kpts": _kpoints(recipe),
            "occupations": {
                "name": recipe.smearing,
                "width": recipe.sigma_eV,
                # GPAW's own default is order 0, which is Gaussian smearing.
                "order": recipe.smearing_order,
            },
            # NELECT counts electrons, GPAW counts charge.
            "charge": -recipe.electron_shift,
            "setups": {symbol: dataset_name(symbol) for symbol in recipe.pseudopotentials},
            **recipe.options,
        }

    def versions(self) -> dict[str, str]:
        """Return the versions of GPAW, its C library of functionals' wrapper, and ASE."""
        import ase
        import gpaw
        import numpy as np

        return {"gpaw": gpaw.__version__, "ase": ase.__version__, "numpy": np.__version__}

    def calculator(self, recipe: Recipe) -> BaseCalculator:
        """Return a new calculator for a complete recipe."""
        from gpaw import GPAW

        use_extra_datasets()
        calculator = GPAW(**self.inputs(recipe), txt=str(self._text_output()))
        start_orthonormal(calculator)
        remember_response(calculator)
        return calculator

    def family(self, recipe: Recipe) -> str:
        """Name what recipes have in common that differ in nothing but the smearing width."""
        return recipe.model_copy(update={"sigma_eV": None}).id

    def adopt(self, atoms: Atoms, recipe: Recipe) -> None:
        """Smear a live calculation by another width.

        Its density and wave functions stay and are where the next label starts.
        """
        change_occupations(atoms.calc, self.inputs(recipe)["occupations"])

    def _text_output(self) -> Path:
        """Name a new file, so that the text of a calculation that failed is kept."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        self._calculators += 1
        number = "" if self._calculators == 1 else f"-{self._calculators}"
        return self.workdir / f"gpaw{number}.txt"

    def energies(self, atoms: Atoms, recipe: Recipe) -> Energies:
        """Read the three energies off a finished calculation.

        For Methfessel-Paxton smearing of order N the energies obey
        E0 = ((N + 1) F + E) / (N + 2), so the third follows from the other two.
        """
        free = float(atoms.get_potential_energy(force_consistent=True))
        sigma0 = float(atoms.get_potential_energy())
        order = recipe.smearing_order
        return Energies(
            free=free,
            sigma0=sigma0,
            without_entropy=(order + 2) * sigma0 - (order + 1) * free,
        )

    def iterations(self, atoms: Atoms) -> int | None:
        """Read the number of self-consistency steps off a finished calculation."""
        return int(atoms.calc.get_number_of_iterations())

    def check(self, atoms: Atoms) -> None:
        """Refuse a finished calculation with too few bands."""
        require_empty_bands(atoms.calc)

    def spectrum(self, atoms: Atoms) -> Spectrum:
        """Read the spectrum off a finished calculation."""
        return read_spectrum(atoms.calc)


def _use_one_thread() -> None:
    """Keep the linear algebra of this process to one thread, unless the user said otherwise.

    In cells this small several threads only get in each other's way: on a machine
    whose cores are all busy with workers, tens of times slower.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=1)


def _nbands(sigma_eV: float) -> str:
    """Choose enough bands for the highest to stay empty at this smearing."""
    if sigma_eV <= 0.5:
        return "140%"
    return "160%" if sigma_eV <= 1.0 else "200%"


def _kpoints(recipe: Recipe) -> Any:
    if not any(recipe.kmesh_offset):
        return {"size": list(recipe.kmesh), "gamma": True}
    import numpy as np

    axes = [
        np.arange(n) / n + shift for n, shift in zip(recipe.kmesh, recipe.kmesh_offset, strict=True)
    ]
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    folded = mesh - np.ceil(mesh - 0.5 - 1e-9)
    return np.round(folded, 12).tolist()
