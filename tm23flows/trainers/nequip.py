"""NequIP: equivariant message-passing force fields.

Owns the hyperparameters of the network and the name of the worker. What every trainer
of the same framework does is in ``nequip_framework``.
"""

from __future__ import annotations

from pydantic import Field

from tm23flows.trainers.nequip_framework import FrameworkHyperparameters, FrameworkTrainer
from tm23flows.trainers.worker import Worker


class NequipHyperparameters(FrameworkHyperparameters):
    """Network, loss and optimisation of a NequIP model.

    The defaults suit a few dozen frames of small cells, which they train in about a
    minute of one core; a dataset at the scale of the paper needs more of everything.
    """

    l_max: int = Field(1, ge=0, le=6, description="Highest rotation order of features and edges.")
    n_layers: int = Field(2, ge=1, description="Number of interaction layers.")
    n_features: int = Field(16, ge=1, description="Multiplicity of each irrep.")
    parity: bool = Field(True, description="Whether there are features of odd parity too.")
    n_bessel: int = Field(8, ge=1, description="Number of radial basis functions.")
    radial_depth: int = Field(1, ge=1, description="Hidden layers of the radial network.")
    radial_width: int = Field(64, ge=1, description="Width of the radial network.")


class NequipTrainer(FrameworkTrainer):
    """Trains NequIP and predicts with it (see ``base.Trainer``)."""

    name = "nequip"
    kind = NequipHyperparameters
    worker = Worker(
        library="NequIP",
        script="nequip_worker.py",
        setting="trainer_python_nequip",
        fix="install it with 'pip install nequip==0.19.1'",
    )
