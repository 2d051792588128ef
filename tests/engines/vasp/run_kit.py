"""Makers of short runs that custodian looks at often, and what they have written."""

from tm23flows.engines.vasp.inputs import TM23MDSet, TM23StaticSet
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.outputs import iter_steps

QUICK = {"polling_time_step": 0.1, "monitor_freq": 1}


def static(**fields):
    maker = TM23StaticMaker(input_set_generator=TM23StaticSet(**fields))
    maker.run_vasp_kwargs["custodian_kwargs"] = QUICK
    return maker


def dynamics(n_steps=4, **fields):
    maker = TM23MDMaker(input_set_generator=TM23MDSet(n_steps=n_steps, **fields))
    maker.run_vasp_kwargs["custodian_kwargs"] = QUICK
    return maker


def n_steps(folder):
    return len(list(iter_steps(folder / "vasprun.xml")))
