"""The Maker that converges the k-mesh of a metal on a few frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Self

from jobflow import Flow, Maker
from jobflow.core.reference import OnMissing

from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.jobs.convergence import choose_kmesh
from tm23flows.science.convergence import (
    SPACINGS_PER_A,
    Limits,
    candidate_meshes,
    order_meshes,
)
from tm23flows.science.kpoints import Grid, KMesh, choose_offset
from tm23flows.science.protocol import K_ENERGY_NOISE_EV_PER_ATOM, K_FORCE_NOISE_EV_PER_A

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass
class KpointConvergenceMaker(Maker):
    """Label a few frames on several k-meshes and choose the coarsest that is converged.

    Every mesh is a job of its own, made by the Maker of the labels that the mesh is for, so
    nothing but the mesh differs; the labels of the chosen mesh are not computed again later.
    A mesh whose job fails leaves a gap in the table; only the densest one must not fail.

    Parameters
    ----------
    name
        Word for the test in the names of the jobs.
    label
        Makes the labels; the k-mesh of its recipe is replaced. Of several smearing widths
        only that of the recipe is tested, the narrowest, which needs most k-points.
    n_frames
        How many frames; the verdict is on the worst of them.
    spacings_per_A
        Ladder of distances between k-points, 1/angstrom with 2 pi, as VASP's KSPACING.
    meshes
        Numbers of k-points to try instead of the ladder.
    grid
        ``by-symmetry``: even meshes are shifted off Gamma where the lattice allows it;
        ``gamma``: never; ``monkhorst-pack``: always.
    energy_limit_eV_per_atom
        Largest difference from the densest mesh; the article's 1 meV/atom.
    force_limit_eV_per_A
        Largest difference of a force component; the article's 5 meV/angstrom.
    accept_densest
        What to do where no mesh is shown to be converged: stop with the table (default),
        because thousands of labels hang on the mesh, or go on with the densest.
    fallback
        Mesh to go on with in that case, in place of the densest; it is tried as well.

    Examples
    --------
    >>> maker = KpointConvergenceMaker(spacings_per_A=(0.5, 0.25), n_frames=1)
    >>> flow = maker.make(["id"], "Cu", [[7.2, 0, 0], [0, 7.2, 0], [0, 0, 7.2]])
    >>> [job.name for job in flow.jobs][-1]
    'Cu k-mesh convergence'
    """

    name: str = "k-mesh convergence"
    label: LabelMaker = field(default_factory=LabelMaker)
    n_frames: int = 3
    spacings_per_A: tuple[float, ...] = SPACINGS_PER_A
    meshes: tuple[tuple[int, int, int], ...] = ()
    grid: Grid = "by-symmetry"
    energy_limit_eV_per_atom: float = K_ENERGY_NOISE_EV_PER_ATOM
    force_limit_eV_per_A: float = K_FORCE_NOISE_EV_PER_A
    accept_densest: bool = False
    fallback: tuple[int, int, int] | None = None

    def make(self, frame_ids: list[str], element: str, cell: ArrayLike) -> Flow:
        """Wire the labels on each mesh and the verdict.

        Parameters
        ----------
        frame_ids
            Frames with a vacancy, all in this cell: a reference to a list of ids, or a list
            of ids or of references to single ones. The last ``n_frames`` are taken.
        element
            Chemical symbol.
        cell
            Vectors of the supercell as rows, shape (3, 3), in angstrom.

        Returns
        -------
        A flow whose output has ``convergence_id``, ``kmesh``, ``kmesh_offset`` and
        ``converged``.

        Raises
        ------
        InputError
            If there are not two distinct meshes, a limit is not positive, or there is no
            frame to test.
        """
        if self.n_frames < 1:
            raise InputError(f"A convergence test needs at least one frame, not {self.n_frames}.")
        limits = Limits(self.energy_limit_eV_per_atom, self.force_limit_eV_per_A)
        meshes = self.candidates(cell)
        flows = [self._labels(frame_ids, element, mesh) for mesh in meshes]
        verdict = choose_kmesh(
            frame_ids,
            self.n_frames,
            [asdict(mesh) for mesh in meshes],
            [[batch.output["recipe_id"] for batch in flow.jobs] for flow in flows],
            asdict(limits),
            self.accept_densest if self.fallback is None else list(self.fallback),
        )
        tagged(verdict, f"{element} {self.name}", "analyse", element)
        # A coarse mesh that cannot be computed is no reason to stop: the verdict knows gaps.
        verdict.config.on_missing_references = OnMissing.NONE
        return Flow([*flows, verdict], output=verdict.output, name=f"{element} {self.name}")

    def going_on(self, allowed: bool) -> Self:
        """Return the same test, which stops or goes on where no mesh is shown to be converged.

        Parameters
        ----------
        allowed
            Whether it goes on: with the fallback, else with the densest mesh.

        Returns
        -------
        A copy.
        """
        fallback = self.fallback if allowed else None
        return replace(self, accept_densest=allowed, fallback=fallback)

    def candidates(self, cell: ArrayLike) -> Sequence[KMesh]:
        """Return the meshes that are tried in a cell.

        Parameters
        ----------
        cell
            Vectors of the supercell as rows, shape (3, 3), in angstrom.

        Returns
        -------
        From coarse to dense.

        Raises
        ------
        InputError
            If there are not two distinct ones.
        """
        asked = [*self.meshes, *([] if self.fallback is None else [self.fallback])]
        given = [KMesh(tuple(one), choose_offset(cell, one, self.grid)) for one in asked]
        if self.meshes:
            return order_meshes(given)
        return order_meshes([*candidate_meshes(cell, self.spacings_per_A, self.grid), *given])

    def _labels(self, frame_ids: list[str], element: str, mesh: KMesh) -> Flow:
        change = {"kmesh": mesh.kmesh, "kmesh_offset": mesh.offset}
        recipe = self.label.recipe.model_copy(update=change)
        maker = replace(self.label, recipe=recipe, sigma_variants_eV=())
        return maker.make(frame_ids, self.n_frames, element, "k-mesh")
