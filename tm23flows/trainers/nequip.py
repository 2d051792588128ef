"""NequIP: equivariant message-passing force fields.

Owns the hyperparameters of the network and the name of the worker. What every trainer
of the same framework does is in ``nequip_framework``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tm23flows.errors import InputError
from tm23flows.science.protocol import NEQUIP
from tm23flows.trainers.nequip_framework import FrameworkHyperparameters, FrameworkTrainer
from tm23flows.trainers.worker import Worker


class NequipHyperparameters(FrameworkHyperparameters):
    """Network, loss and optimisation of a NequIP model.

    The network of the defaults suits a few dozen frames of small cells; a dataset at the
    scale of the paper needs a larger one (see ``paper_network``). Training ends as in
    the paper, after days of one core: set ``max_epochs`` or ``max_wall_s`` for less.
    """

    network: Literal["current", "paper"] = Field(
        "current",
        description="NequIP 0.19's own network, or that of the paper, which is NequIP 0.6's.",
    )
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


def paper_network(l_max: int, n_bessel: int = 8) -> dict[str, Any]:
    """Return the hyperparameters that make the networks of the paper's Table 2.

    Parameters
    ----------
    l_max
        Highest rotation order; the multiplicity follows from it.
    n_bessel
        Number of radial basis functions: 8 for Cu and Ti, 10 for Au and Os.

    Returns
    -------
    Values by name, for ``NequipTrainer.hyperparameters``; cutoff, learning rate and batch
    size are not among them, because the paper does not say them.

    Raises
    ------
    InputError
        If the paper has no such order.
    """
    known = len(NEQUIP.features_by_lmax)
    if not 0 <= l_max < known:
        raise InputError(f"The paper has no network of l_max {l_max}: use 0 to {known - 1}.")
    return {
        "network": "paper",
        "l_max": l_max,
        "n_features": NEQUIP.features_by_lmax[l_max],
        "n_layers": 4,
        "parity": True,
        "n_bessel": n_bessel,
        "radial_depth": 2,
        "radial_width": 64,
    }
