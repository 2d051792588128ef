"""Counts the weights of a network without training it.

Owns the count by module. Does not know what the numbers should be.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# values of the statistics of a dataset; they are no weights and change no size
_STATISTICS = {
    "avg_num_neighbors": 1.0,
    "per_type_energy_scales": 1.0,
    "per_type_energy_shifts": 0.0,
}


def count_weights(
    request: dict[str, Any], model_config: Callable[[dict[str, Any], list[str], int], dict]
) -> dict[str, Any]:
    """Build networks with fresh weights, and count.

    Parameters
    ----------
    request
        ``settings``, a list of complete hyperparameters, and ``elements``, atomic numbers.
    model_config
        Makes the part of the configuration that names the network.

    Returns
    -------
    ``weights``: for each of the settings, the number of weights by module.
    """
    from ase.data import chemical_symbols
    from e3nn import set_optimization_defaults
    from hydra.utils import get_method
    from nequip.utils.global_state import set_global_state

    set_global_state()
    # Nothing is computed, so how fast it would be is not worth half of the time.
    set_optimization_defaults(optimize_einsums=False)
    symbols = [chemical_symbols[z] for z in request["elements"]]
    found = []
    for settings in request["settings"]:
        config = model_config(settings, symbols, 0) | _STATISTICS
        network = get_method(config.pop("_target_"))(**config)
        counts: Counter[str] = Counter()
        for name, weights in network.named_parameters():
            counts[_module(name)] += weights.numel()
        found.append(dict(counts))
    return {"weights": found}


def _module(name: str) -> str:
    """Shorten a name: layer0_convnet.conv.edge_mlp.mlp.2.weight is layer0.edge_mlp."""
    parts = name.split("func.", 1)[-1].split(".")
    return f"{parts[0].removesuffix('_convnet')}.{parts[2]}" if "conv" in parts else parts[0]
