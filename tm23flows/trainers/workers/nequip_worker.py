"""Trains a NequIP model or predicts with one: ``python nequip_worker.py request.json``.

Owns how the hyperparameters of the network map to the names of NequIP 0.19. Runs in
whichever interpreter has NequIP.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import nequip_run
from model_tasks import serving
from nequip_compile import compile_model
from nequip_weights import count_weights
from worker_io import answer

_BUILDERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "current": lambda sizes: {"_target_": "nequip.model.NequIPGNNModel", **sizes},
    "paper": lambda sizes: {"_target_": "nequip_paper.paper_network", "sizes": sizes},
}


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
    Arguments of NequIP's model builder, with NequIP's statistics resolvers.
    """
    sizes = {
        "num_layers": settings["n_layers"],
        "l_max": settings["l_max"],
        "parity": settings["parity"],
        "num_features": settings["n_features"],
        "num_bessels": settings["n_bessel"],
        "radial_mlp_depth": settings["radial_depth"],
        "radial_mlp_width": settings["radial_width"],
    }
    return {
        **_BUILDERS[settings["network"]](sizes),
        "seed": seed,
        "model_dtype": settings["precision"],
        "type_names": symbols,
        "r_max": settings["cutoff_A"],
        "avg_num_neighbors": "${training_data_stats:num_neighbors_mean}",
        "per_type_energy_shifts": "${training_data_stats:per_atom_energy_mean}",
        "per_type_energy_scales": "${training_data_stats:forces_rms}",
    }


if __name__ == "__main__":
    answer(
        ["numpy", "ase", "torch", "nequip"],
        {
            "train": partial(nequip_run.train, model_config=model_config),
            "predict": nequip_run.predict,
            "compile": compile_model,
            "weights": partial(count_weights, model_config=model_config),
            "serve": serving(nequip_run.load_calculator),
        },
    )
