"""Allegro: equivariant force fields that are strictly local.

Owns the hyperparameters of the network and the name of the worker. Energies are sums
over pairs inside the cutoff, without messages between atoms, so that a large cell can be
divided among processors. What every trainer of the same framework does is in
``nequip_framework``.
"""

from __future__ import annotations

from pydantic import Field

from tm23flows.trainers.nequip_framework import FrameworkHyperparameters, FrameworkTrainer
from tm23flows.trainers.worker import Worker


class AllegroHyperparameters(FrameworkHyperparameters):
    """Network, loss and optimisation of an Allegro model.

    The network of the defaults suits a few dozen frames of small cells. Training ends as
    in the paper: set ``max_epochs`` or ``max_wall_s`` for less.
    """

    l_max: int = Field(1, ge=0, le=6, description="Highest rotation order of features and edges.")
    parity: bool = Field(True, description="Whether there are features of odd parity too.")
    n_layers: int = Field(2, ge=1, description="Number of Allegro layers.")
    n_scalar_features: int = Field(32, ge=1, description="Scalar features of a pair.")
    n_tensor_features: int = Field(16, ge=1, description="Multiplicity of each tensor feature.")
    n_bessel: int = Field(8, ge=1, description="Number of radial basis functions.")
    embedding_depth: int = Field(1, ge=1, description="Hidden layers of the pair embedding.")
    embedding_width: int = Field(32, ge=1, description="Width of the pair embedding.")
    latent_depth: int = Field(1, ge=1, description="Hidden layers of the network of a layer.")
    latent_width: int = Field(32, ge=1, description="Width of the network of a layer.")
    readout_depth: int = Field(1, ge=1, description="Hidden layers of the energy of a pair.")
    readout_width: int = Field(32, ge=1, description="Width of the energy of a pair.")


class AllegroTrainer(FrameworkTrainer):
    """Trains Allegro and predicts with it (see ``base.Trainer``)."""

    name = "allegro"
    kind = AllegroHyperparameters
    worker = Worker(
        library="Allegro",
        script="allegro_worker.py",
        setting="trainer_python_allegro",
        fix="install it with 'pip install nequip-allegro==0.8.3'",
    )
