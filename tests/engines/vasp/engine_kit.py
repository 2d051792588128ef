"""What the tests of the engine share: quick Makers, atoms, and an engine on the simulator."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from ase import Atoms
from ase.build import bulk

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import Setup, get_engine
from tm23flows.engines.vasp import deadline, handlers
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker

RECIPE = Recipe(engine="vasp", cutoff_eV=300.0)
DYNAMICS = Dynamics(ensemble="nvt-nose-hoover", temperature_K=600.0, seed=3)
MAKERS = {"md": TM23MDMaker, "label": TM23StaticMaker}


SILENT_S = handlers.FROZEN_S + 100
"""For how long a hanging simulator shall seem to have written nothing, for our own handlers."""

TIME_LEFT_S = 1000.0
"""Enough for the handler of deadlines, until :func:`let_time_run_out` says that 800 s are gone."""


def let_time_run_out(monkeypatch, condition):
    """Let the clock of the handlers jump when something is so; how fast the machine is, is open."""

    def now():
        return time.time() + (TIME_LEFT_S - 200.0 if condition() else 0.0)

    monkeypatch.setattr(deadline, "time", SimpleNamespace(time=now))


def n_written(folder, what="F="):
    """Count the steps, or other words, in all OSZICAR files below a folder."""
    return sum(path.read_text().count(what) for path in folder.rglob("OSZICAR"))


def quick(maker, look_every=2, **settings):
    """Let custodian look often, and users' settings in."""
    looks = {"polling_time_step": 0.05, "monitor_freq": look_every}
    maker.run_vasp_kwargs["custodian_kwargs"] = looks
    generator = replace(maker.input_set_generator, user_incar_settings=settings)
    return replace(maker, input_set_generator=generator)


def vasp_engine(folder, task, end=None, maker=None):
    """Return an engine that is quick."""
    return get_engine("vasp", folder, Setup(task, maker or quick(MAKERS[task]()), lambda: end))


def copper_atoms(seed=1, rattle=0.08) -> Atoms:
    """Seven copper atoms around a vacancy, moved from their sites."""
    atoms = bulk("Cu") * (2, 2, 2)
    del atoms[3]
    atoms.rattle(rattle, seed=seed)
    return atoms


def run(folder, n_steps, start=None, segment_steps=None, leftover=None, **more):
    """Run molecular dynamics and return its steps."""
    engine = vasp_engine(folder, "md", **more)
    recipe = engine.complete(RECIPE, ["Cu"])
    return engine.run_md(copper_atoms(), recipe, DYNAMICS, n_steps, start, segment_steps, leftover)


def arrays(steps):
    """Put what can be compared into arrays."""
    return {
        "number": np.array([one.state.step for one in steps]),
        "positions": np.array([one.state.positions for one in steps]),
        "forces": np.array([one.result.forces for one in steps]),
        "stress": np.array([one.result.stress for one in steps]),
        "free": np.array([one.result.energies.free for one in steps]),
        "temperature": np.array([one.temperature_K for one in steps]),
        "conserved": np.array([one.conserved_eV for one in steps]),
    }


def assert_same(steps, others):
    """Compare two runs frame by frame."""
    one, other = arrays(steps), arrays(others)
    for name, expected in other.items():
        np.testing.assert_allclose(one[name], expected, rtol=0, atol=1e-10, err_msg=name)
