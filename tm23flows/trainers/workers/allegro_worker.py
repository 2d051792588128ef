"""Trains an Allegro model or predicts with one: ``python allegro_worker.py request.json``.

Owns how the hyperparameters of the network map to the names of nequip-allegro 0.8. Runs
in whichever interpreter has it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import nequip_run
from model_tasks import predicting, serving
from nequip_compile import compile_model
from nequip_weights import count_weights
from worker_io import answer

LIBRARIES = ("nequip-allegro", "nequip", "torch", "e3nn", "numpy", "ase")


def model_config(settings: dict[str, Any], symbols: list[str], seed: int) -> dict[str, Any]:
    """Make the part of the configuration that names the network.

    Parameters
    ----------
    settings
        The hyperparameters.
    symbols
        Chemical symbols in the order of the types.
    seed
        Seed of the weights.

    Returns
    -------
    Arguments of Allegro's model builder, with NequIP's statistics resolvers.
    """
    return {
        "_target_": "allegro.model.AllegroModel",
        "seed": seed,
        "model_dtype": settings["precision"],
        "type_names": symbols,
        "r_max": settings["cutoff_A"],
        "l_max": settings["l_max"],
        "parity": settings["parity"],
        "num_layers": settings["n_layers"],
        "num_scalar_features": settings["n_scalar_features"],
        "num_tensor_features": settings["n_tensor_features"],
        "radial_chemical_embed": {
            "_target_": "allegro.nn.TwoBodyBesselScalarEmbed",
            "num_bessels": settings["n_bessel"],
        },
        "scalar_embed_mlp_hidden_layers_depth": settings["embedding_depth"],
        "scalar_embed_mlp_hidden_layers_width": settings["embedding_width"],
        "allegro_mlp_hidden_layers_depth": settings["latent_depth"],
        "allegro_mlp_hidden_layers_width": settings["latent_width"],
        "readout_mlp_hidden_layers_depth": settings["readout_depth"],
        "readout_mlp_hidden_layers_width": settings["readout_width"],
        "avg_num_neighbors": "${training_data_stats:num_neighbors_mean}",
        "per_type_energy_shifts": "${training_data_stats:per_atom_energy_mean}",
        "per_type_energy_scales": "${training_data_stats:forces_rms}",
    }


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Train (see ``nequip_run.train``).

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    History, summary and versions, Allegro's among them.
    """
    return nequip_run.train(request, model_config, "nequip-allegro")


if __name__ == "__main__":
    answer(
        ["numpy", "ase", "torch", "nequip", "allegro"],
        {
            "train": train,
            "predict": predicting(nequip_run.load_calculator, *LIBRARIES),
            "compile": compile_model,
            "weights": partial(count_weights, model_config=model_config),
            "serve": serving(nequip_run.load_calculator),
        },
    )
