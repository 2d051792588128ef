"""The configuration of a training in the NequIP framework, but for the network.

Owns how our hyperparameters of data, loss and optimisation map to the names of NequIP
0.19. Does not train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

STOP_FACTOR = 0.2


def make_config(
    settings: dict[str, Any],
    symbols: list[str],
    seed: int,
    folder: Path,
    model: dict[str, Any],
) -> dict[str, Any]:
    """Make the configuration of data and training module.

    Parameters
    ----------
    settings
        The hyperparameters.
    symbols
        Chemical symbols in the order of the types.
    seed
        Seed of the training.
    folder
        Folder with the frames as ``training.traj`` and ``validation.traj``.
    model
        The part of the configuration that names the network.

    Returns
    -------
    The configuration as plain values and NequIP's statistics resolvers.
    """
    return {
        "data": _data(settings, symbols, seed, folder),
        "training_module": _module(settings, model),
    }


def _data(settings: dict[str, Any], symbols: list[str], seed: int, folder: Path) -> dict[str, Any]:
    return {
        "_target_": "nequip.data.datamodule.ASEDataModule",
        "seed": seed,
        "train_file_path": str(folder / "training.traj"),
        "val_file_path": str(folder / "validation.traj"),
        "ase_args": {"format": "traj"},
        "transforms": [
            {
                "_target_": "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
                "model_type_names": symbols,
            },
            {
                "_target_": "nequip.data.transforms.NeighborListTransform",
                "r_max": settings["cutoff_A"],
            },
        ],
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": symbols,
            "dataloader_kwargs": {"batch_size": 16},
        },
    }


def _module(settings: dict[str, Any], model: dict[str, Any]) -> dict[str, Any]:
    averaged = settings["ema_decay"] > 0
    module = {
        "_target_": "nequip.train."
        + ("EMALightningModule" if averaged else "NequIPLightningModule"),
        "loss": {
            "_target_": "nequip.train.EnergyForceStressLoss",
            "per_atom_energy": True,
            "coeffs": {
                "total_energy": settings["energy_weight"],
                "forces": settings["force_weight"],
                "stress": settings["stress_weight"],
            },
        },
        "val_metrics": {
            "_target_": "nequip.train.EnergyForceStressMetrics",
            "coeffs": {"per_atom_energy_mae": 1.0, "forces_mae": 1.0, "stress_mae": 1.0},
        },
        "optimizer": {
            "_target_": "torch.optim.Adam",
            "lr": settings["learning_rate"],
            "amsgrad": True,
        },
        "lr_scheduler": {
            "scheduler": {
                "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
                "factor": STOP_FACTOR,
                "patience": settings["patience"],
            },
        },
        "model": model,
    }
    return {**module, "ema_decay": settings["ema_decay"]} if averaged else module
