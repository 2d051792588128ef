"""What a piece of work cost: time, processors, memory.

Owns the account that labels, rejections, segments of runs and evaluations carry, and adding
accounts up. What nobody measured is None and stays so in sums.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Effort(BaseModel):
    """What a piece of work cost, and what its computation went through."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scf_iterations: int | None = Field(None, description="Self-consistency steps.")
    cpu_s: float | None = Field(None, description="Processor seconds, of all cores together.")
    wall_s: float | None = Field(None, description="Seconds on the clock.")
    cores: int | None = Field(None, description="Processor cores that it was given.")
    max_memory_bytes: int | None = Field(
        None, description="Largest resident memory of the process so far, of all ranks together."
    )
    program: str | None = Field(None, description="Program that ran, as its output names it.")
    corrections: tuple[str, ...] = Field(
        (), description="What was changed on the way to make it run; never the physics."
    )
    folder: str | None = Field(None, description="host:path of the run folder.")

    @property
    def core_s(self) -> float | None:
        """Seconds of a core: processor time where it is known, else clock times cores."""
        if self.cpu_s is not None:
            return self.cpu_s
        if self.wall_s is None or self.cores is None:
            return None
        return self.wall_s * self.cores


def total_effort(parts: Iterable[Effort | None]) -> Effort:
    """Add up what consecutive pieces of one process cost.

    Parameters
    ----------
    parts
        Accounts. Pieces that say nothing add nothing: a program that runs on its own tells
        with the last step what all steps took.

    Returns
    -------
    Sums of times and iterations, the largest memory and number of cores; None where no piece
    knows. Program, corrections and folder are not those of a sum.
    """
    known = [one for one in parts if one is not None]

    def given(name: str) -> list[float]:
        return [value for one in known if (value := getattr(one, name)) is not None]

    sums: dict[str, Any] = {
        name: sum(v) for name in ("cpu_s", "wall_s", "scf_iterations") if (v := given(name))
    }
    most: dict[str, Any] = {
        name: max(v) for name in ("cores", "max_memory_bytes") if (v := given(name))
    }
    return Effort(**sums, **most)
