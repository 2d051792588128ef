"""The Maker of a trajectory and the frames taken from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobflow import Flow, Maker

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.jobs.frame import select_frames
from tm23flows.jobs.trajectory import TrajectoryJobMaker
from tm23flows.science import protocol
from tm23flows.science.sampling import select_steps


@dataclass(frozen=True)
class Sampling:
    """Which steps of a run become frames; the defaults are the paper's.

    Parameters
    ----------
    discard
        Steps at the beginning that are left out.
    stride
        Every how many steps a frame is taken after that.
    count
        How many frames.
    """

    discard: int = protocol.DISCARD_STEPS
    stride: int = protocol.STRIDE_STEPS
    count: int = protocol.FRAMES_PER_TEMPERATURE


@dataclass
class TrajectoryMaker(Maker):
    """Run molecular dynamics at one temperature and pick frames.

    Parameters
    ----------
    name
        Word for the run in the names of its jobs.
    recipe
        How forces are computed on the way.
    n_steps
        Number of steps.
    sampling
        Which steps become frames.
    timestep_fs
        Time step in fs.
    damping_fs
        Relaxation time of the thermostat in fs.
    initial_temperature_factor
        Initial over target temperature.
    seed
        Seed of the initial velocities.
    segment_steps
        Steps between two writes; for a program that runs on its own (VASP) the length
        of one run.
    ensemble
        Equations of motion; the engine says which it has.
    calculation
        The engine's own Maker of one run, such as
        :class:`tm23flows.engines.vasp.makers.TM23MDMaker`; None for the default.

    Examples
    --------
    >>> maker = TrajectoryMaker(n_steps=40, sampling=Sampling(20, 5, 4))
    >>> [job.name for job in maker.make("id", "Cu", "cold", 339.4).jobs]
    ['Cu cold trajectory', 'Cu cold frames']
    """

    name: str = "trajectory"
    recipe: Recipe = field(default_factory=lambda: Recipe(engine="emt"))
    n_steps: int = protocol.N_STEPS
    sampling: Sampling = field(default_factory=Sampling)
    timestep_fs: float = protocol.TIMESTEP_FS
    damping_fs: float = 200.0
    initial_temperature_factor: float = 1.0
    seed: int = 0
    segment_steps: int = 50
    ensemble: str = "nvt-nose-hoover-chain"
    calculation: Maker | None = None

    def make(self, structure_id: str, element: str, regime: str, temperature_K: float) -> Flow:
        """Wire the run and the selection.

        Parameters
        ----------
        structure_id
            Where the run starts; usually a reference.
        element
            Chemical symbol, for names and tags.
        regime
            cold, warm or melt.
        temperature_K
            Target temperature in K.

        Returns
        -------
        A flow whose output is that of the selection of frames.

        Raises
        ------
        InputError
            If the run is too short for the sampling, or the temperature not positive.
        """
        if not temperature_K > 0:
            raise InputError(f"The temperature of a run must be positive, not {temperature_K} K.")
        select_steps(self.n_steps, self.sampling.discard, self.sampling.stride, self.sampling.count)
        dynamics = Dynamics(
            ensemble=self.ensemble,
            temperature_K=temperature_K,
            timestep_fs=self.timestep_fs,
            damping_fs=self.damping_fs,
            seed=self.seed,
            initial_temperature_factor=self.initial_temperature_factor,
        )
        run = TrajectoryJobMaker(calculation=self.calculation).make(
            structure_id,
            self.recipe.model_dump(mode="json"),
            dynamics.model_dump(mode="json"),
            self.n_steps,
            self.segment_steps,
            regime,
        )
        frames = select_frames(
            run.output["trajectory_id"],
            self.sampling.discard,
            self.sampling.stride,
            self.sampling.count,
        )
        tagged(run, f"{element} {regime} trajectory", "aimd", element)
        tagged(frames, f"{element} {regime} frames", "analyse", element)
        return Flow([run, frames], output=frames.output, name=f"{element} {regime} {self.name}")
