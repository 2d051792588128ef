"""A better start for the next label from the wave functions of the last one.

Owns what is changed in a live calculation of GPAW 26.7. The converged result is the same
in all cases (``benchmarks/relabel_reuse.py``, ``benchmarks/sigma_sweep.py``).

- GPAW moves the wave functions with the atoms and builds the first density of the new
  geometry from them before they are orthonormal again. With the order the other way round
  a warm label of copper on a 3x3x3 mesh took 10 iterations instead of 12.
- Another smearing width at the same geometry starts from density and wave functions of the
  one before, with the memory of the response (:mod:`tm23flows.engines.gpaw_mixing`). From
  then on a calculator takes one Davidson step per iteration instead of two. That pays with
  the many bands of a sweep (a label of copper with 200 % bands took 0.8 of the time), not
  with the few of a single narrow width (140 %: 0.97, and 1.1 in dynamics).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tm23flows.engines.gpaw_mixing import ResponseMemory

if TYPE_CHECKING:
    from ase import Atoms


def start_orthonormal(calculator: Any) -> None:
    """Let a calculator orthonormalise its wave functions when its atoms have moved.

    Parameters
    ----------
    calculator
        A GPAW calculator; only this one is changed, not GPAW.
    """
    move = calculator.move_atoms

    def move_atoms(atoms: Atoms) -> None:
        move(atoms)
        dft = calculator.dft
        dft.ibzwfs.orthonormalize()
        dft.density.update(dft.ibzwfs)
        _update_potential(dft)

    calculator.move_atoms = move_atoms


def remember_response(calculator: Any) -> None:
    """Let a calculator remember how its density responds.

    Parameters
    ----------
    calculator
        A new GPAW calculator; only this one is changed, not GPAW. Other mixers than
        Pulay's stay as they are.
    """
    from gpaw.mixer.pulay import PulayMixer

    create = calculator.create_new_calculation

    def create_new_calculation(atoms: Atoms) -> None:
        create(atoms)
        if isinstance(mixer := calculator.dft.scf_loop.mixer, PulayMixer):
            ResponseMemory(mixer)

    calculator.create_new_calculation = create_new_calculation


def change_occupations(calculator: Any, occupations: dict[str, Any]) -> None:
    """Let a calculator go on with other occupation numbers from where it is.

    ``DFT.change`` of GPAW 26.7 does the same and builds all the rest anew as well.

    Parameters
    ----------
    calculator
        A GPAW calculator that has finished a calculation.
    occupations
        GPAW's keywords of the scheme and its width, of a smooth scheme as before.
    """
    from gpaw.dft import Occupations
    from gpaw.new.pwfd.davidson import Davidson
    from gpaw.occupations import create_occ_calc

    dft = calculator.dft
    # The parameters are those of the calculator too, should it ever start from scratch.
    dft.params.occupations = Occupations.from_param(occupations)
    smearing = dft.scf_loop.occ_calc
    smearing.occ = create_occ_calc(occupations, parallel_layout=smearing.occ.parallel_layout)
    smearing.extrapolate_factor = smearing.occ.extrapolate_factor
    n_electrons = dft.density.nvalence - dft.density.charge + dft.pot_calc.charge
    dft.ibzwfs.calculate_occs(smearing, n_electrons)
    if memory := getattr(dft.scf_loop.mixer, "memory", None):
        memory.go_on(dft.density, dft.ibzwfs)
        _update_potential(dft)
    if isinstance(eigensolver := dft.scf_loop.eigensolver, Davidson):
        eigensolver.niter = 1
    dft.results = {}  # so nothing of the old width is handed out


def _update_potential(dft: Any) -> None:
    dft.potential, dft.energies, _ = dft.pot_calc.calculate(
        dft.density, dft.ibzwfs, dft.potential.vHt_x
    )
