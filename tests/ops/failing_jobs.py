"""Jobs that fail, and a worker in this process that runs them."""

import contextlib
import importlib
import os
from pathlib import Path

from fireworks import Firework, PyTask
from fireworks.core.fworker import FWorker
from fireworks.core.rocket_launcher import launch_rocket
from fireworks.utilities.fw_serializers import SAVED_FW_MODULES


def raise_error(kind, message):
    """Raise an error by its dotted name; without one do nothing."""
    if kind:
        module, _, name = kind.rpartition(".")
        raise getattr(importlib.import_module(module), name)(message)


def job(name, kind="", message="", element="Cu", stage="label", parents=None):
    """A Firework that raises this error, tagged as ours are."""
    SAVED_FW_MODULES["PyTask"] = PyTask.__module__  # FireWorks looks for it in the working folder
    spec = {"_category": stage, "tm23": {"element": element, "category": stage}}
    task = PyTask(func="failing_jobs.raise_error", args=[kind, message])
    return Firework([task], spec=spec, name=name, parents=parents)


def run_all(launchpad, folder, most=100):
    """Run what is ready, as a worker does; its words are not shown."""
    with contextlib.chdir(folder), Path(os.devnull).open("w") as nothing:
        while most and launch_rocket(launchpad, FWorker(), strm_lvl="CRITICAL", err_file=nothing):
            most -= 1
