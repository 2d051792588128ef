"""The configuration of a training in the NequIP framework, but for the network.

Owns how our hyperparameters of data, loss and optimisation map to the names of NequIP
0.19. Does not train.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

MONITOR = "val0_epoch/forces_mae"
STOP_FACTOR = 0.2


def make_config(request: dict[str, Any], model: dict[str, Any], accelerator: str) -> dict[str, Any]:
    """Make the whole configuration.

    Parameters
    ----------
    request
        Settings, symbols, seed and folder of the training.
    model
        The part of the configuration that names the network.
    accelerator
        Lightning's name of the device.

    Returns
    -------
    The configuration as plain values and NequIP's statistics resolvers.
    """
    settings, symbols = request["settings"], request["symbols"]
    return {
        "run": ["train"],
        "data": _data(settings, symbols, request),
        "trainer": _trainer(settings, Path(request["workdir"]), accelerator),
        "training_module": _module(settings, model),
    }


def _data(settings: dict[str, Any], symbols: list[str], request: dict[str, Any]) -> dict[str, Any]:
    folder = Path(request["workdir"])
    batch = {"_target_": "torch.utils.data.DataLoader", "batch_size": settings["batch_size"]}
    return {
        "_target_": "nequip.data.datamodule.ASEDataModule",
        "seed": request["seed"],
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
        "train_dataloader": {**batch, "shuffle": True},
        "val_dataloader": batch,
        "stats_manager": {
            "_target_": "nequip.data.CommonDataStatisticsManager",
            "type_names": symbols,
            "dataloader_kwargs": {"batch_size": 16},
        },
    }


def _trainer(settings: dict[str, Any], folder: Path, accelerator: str) -> dict[str, Any]:
    callbacks = "lightning.pytorch.callbacks."
    return {
        "_target_": "lightning.Trainer",
        "accelerator": accelerator,
        "devices": 1,
        "max_epochs": settings["max_epochs"],
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1_000_000_000,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "default_root_dir": str(folder),
        "logger": {
            "_target_": "lightning.pytorch.loggers.CSVLogger",
            "save_dir": str(folder),
            "name": "history",
            "version": "",
            "flush_logs_every_n_steps": 10,
        },
        "callbacks": [
            {
                "_target_": callbacks + "ModelCheckpoint",
                "dirpath": str(folder / "checkpoints"),
                "filename": "best",
                "monitor": MONITOR,
                "save_top_k": 1,
            },
            {"_target_": callbacks + "LearningRateMonitor", "logging_interval": "epoch"},
            {
                "_target_": callbacks + "EarlyStopping",
                "monitor": "lr-Adam",
                "mode": "min",
                "patience": 1_000_000_000,
                "stopping_threshold": settings["minimum_learning_rate"],
            },
            {
                "_target_": callbacks + "Timer",
                "duration": {"seconds": settings["max_wall_s"]},
                "_convert_": "all",
                "interval": "epoch",
            },
        ],
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
            "monitor": MONITOR,
            "interval": "epoch",
            "frequency": 1,
        },
        "model": model,
    }
    return {**module, "ema_decay": settings["ema_decay"]} if averaged else module
