"""How events are looked for and sampled: one value with all numbers of it.

Owns the defaults and what is refused. Hops are found by :mod:`tm23flows.science.hops`, joined and
sampled by :mod:`tm23flows.science.hop_events`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tm23flows.errors import InputError
from tm23flows.science.event_frames import VACANCY_CUTOFF_A
from tm23flows.science.event_splits import STRIDE_FS
from tm23flows.science.hops import HopRule

PERSISTENCE_FS: Final = 250.0
"""How long an atom must stay to have arrived: longer than the vibration that brings it back."""


@dataclass(frozen=True)
class EventRule:
    """How events are looked for and sampled; all of it is stored with what comes out.

    Parameters
    ----------
    r_site_A
        An atom so near a site is on it, A.
    persistence_fs
        How long an atom must stay on a site to have arrived, fs.
    min_order
        Least order of a crystal, 0 (melt) to 1; see :mod:`tm23flows.science.hops`.
    vacancy_cutoff_A
        A site with no atom so near is vacant, A.
    join_fs
        Hops of a run that are less apart than this are one event, fs.
    frames_per_event
        Frames of one event, evenly over its steps; fewer where it is shorter.
    max_events
        Events of one run; of more, so many are drawn.
    quiet_frames
        Frames of each run without an event, as far from events as the run allows.
    seed
        Seed of the draw of events.
    """

    r_site_A: float = 0.8
    persistence_fs: float = PERSISTENCE_FS
    min_order: float = 0.5
    vacancy_cutoff_A: float = VACANCY_CUTOFF_A
    join_fs: float = STRIDE_FS
    frames_per_event: int = 3
    max_events: int = 20
    quiet_frames: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        self.hop_rule(1.0)
        if not self.join_fs >= 0 or self.vacancy_cutoff_A <= 0:
            raise InputError(
                "A rule for events needs a time to join hops of 0 or more and a positive cutoff "
                f"for vacant sites, not {self.join_fs} fs and {self.vacancy_cutoff_A} A."
            )
        if (
            self.frames_per_event < 1
            or self.max_events < 1
            or min(self.quiet_frames, self.seed) < 0
        ):
            raise InputError(
                "A rule for events needs at least one frame of an event and one event of a run; "
                "quiet frames and the seed are not negative."
            )

    def hop_rule(self, timestep_fs: float) -> HopRule:
        """Return the rule of hops for a run.

        Parameters
        ----------
        timestep_fs
            Its time step, fs.

        Returns
        -------
            The rule, with the persistence in steps.
        """
        steps = max(1, round(self.persistence_fs / timestep_fs))
        return HopRule(self.r_site_A, steps, self.min_order)
