"""Builds what a training in the NequIP framework consists of, and writes its result.

Owns the way from our configuration to NequIP's objects (frames, statistics, training
module) and back to a file in the format of NequIP's checkpoints. Does not train.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nequip_config import make_config
from worker_io import read_frames

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = ("training", "validation")


def build(
    request: dict[str, Any], model_config: Callable[[dict[str, Any], list[str], int], dict]
) -> tuple[Any, dict[str, Any]]:
    """Build the training module with fresh weights, and the datasets.

    Parameters
    ----------
    request
        Settings, elements, seed and the folder ``workdir`` with the frames.
    model_config
        Makes the part of the configuration that names the network.

    Returns
    -------
    NequIP's module with network, loss and metrics; its datasets by part.
    """
    from ase.data import chemical_symbols
    from ase.io import write
    from hydra.utils import instantiate
    from nequip.utils.global_state import set_global_state

    folder = Path(request["workdir"])
    for part in PARTS:
        write(folder / f"{part}.traj", read_frames(folder / f"{part}.npz"))
    symbols = [chemical_symbols[z] for z in request["elements"]]
    model = model_config(request["settings"], symbols, request["seed"])
    config = make_config(request["settings"], symbols, request["seed"], folder, model)
    set_global_state()
    datamodule = instantiate(config["data"], _recursive_=False)
    statistics = datamodule.get_statistics(dataset="train")
    datamodule.setup("fit")
    data = {"training": datamodule.train_dataset[0], "validation": datamodule.val_dataset[0]}
    return build_module(config, statistics, datamodule.num_datasets), data


def build_module(
    config: dict[str, Any], statistics: dict[str, Any], num_datasets: dict[str, int]
) -> Any:
    """Build NequIP's training module with fresh weights.

    Parameters
    ----------
    config
        The whole configuration.
    statistics
        Values of NequIP's data statistics by name.
    num_datasets
        Number of datasets by NequIP's name of the part.

    Returns
    -------
    The module; NequIP's global state has to be set before.
    """
    from hydra.utils import instantiate
    from nequip.utils import get_current_code_versions
    from nequip.utils.global_state import get_latest_global_state
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver(
        "training_data_stats", lambda name: statistics[name], replace=True
    )
    resolved = OmegaConf.to_container(OmegaConf.create(config["training_module"]), resolve=True)
    # NequIP reads these when it loads a checkpoint
    info = {
        "versions": {k: str(v) for k, v in get_current_code_versions(verbose=False).items()},
        "data": config["data"],
        "trainer": {},
        "global_options": dict(get_latest_global_state()),
        "runs": ["train"],
        "training_module": resolved,
    }
    return instantiate(
        resolved,
        _recursive_=False,
        _convert_="all",
        num_datasets=num_datasets,
        info_dict=info,
    )


def write_model(module: Any, weights: dict[str, Any], path: Path) -> None:
    """Write weights as a checkpoint that NequIP's own tools load.

    Parameters
    ----------
    module
        The training module.
    weights
        What its ``state_dict`` was when the model was at its best.
    path
        The file.
    """
    import lightning

    module.cpu()
    module.load_state_dict(weights)
    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.strategy.connect(module)
    trainer.save_checkpoint(path, weights_only=True)
