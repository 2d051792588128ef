"""atomate2's VASP Makers with the inputs and the care of this package.

Owns the defaults of the two Makers. All fields are atomate2's, so that its powerups work
on them and on whatever holds them. Our engine runs them through ``run``; their own ``make``
is atomate2's and has the same handlers, so that it keeps the physics too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from atomate2.vasp.jobs.core import StaticMaker
from atomate2.vasp.jobs.md import MDMaker
from atomate2.vasp.sets.base import VaspInputGenerator

from tm23flows.engines.vasp.handlers import CompleteOutputValidator, tm23_handlers
from tm23flows.engines.vasp.inputs import TM23MDSet, TM23StaticSet


def _write_kwargs() -> dict[str, Any]:
    # VASP_INCAR_UPDATES of a site is applied after everything and would change the physics.
    return {"apply_incar_updates": False}


def _run_kwargs() -> dict[str, Any]:
    return {"handlers": tm23_handlers(), "validators": (CompleteOutputValidator(),)}


@dataclass
class TM23StaticMaker(StaticMaker):
    """Makes one label: a static calculation.

    Fields are those of atomate2's StaticMaker. ``run_vasp_kwargs`` may hold ``handlers``,
    ``custodian_kwargs``, ``vasp_cmd`` and whatever else atomate2's ``run_vasp`` takes.
    """

    name: str = "tm23 static"
    input_set_generator: VaspInputGenerator = field(default_factory=TM23StaticSet)
    write_input_set_kwargs: dict = field(default_factory=_write_kwargs)
    run_vasp_kwargs: dict = field(default_factory=_run_kwargs)


@dataclass
class TM23MDMaker(MDMaker):
    """Makes a stretch of molecular dynamics.

    Fields are those of atomate2's MDMaker.
    """

    name: str = "tm23 molecular dynamics"
    input_set_generator: VaspInputGenerator = field(default_factory=TM23MDSet)
    write_input_set_kwargs: dict = field(default_factory=_write_kwargs)
    run_vasp_kwargs: dict = field(default_factory=_run_kwargs)
