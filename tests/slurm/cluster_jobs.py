"""Jobs that the tests of SLURM give to workers, which import them from here."""

from __future__ import annotations

import os
import time

from jobflow import job

from tm23flows import stopping


@job
def see() -> dict:
    """Return what a job sees of its scheduler."""
    return {
        "deadline": stopping.deadline(),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "now": time.time(),
    }
