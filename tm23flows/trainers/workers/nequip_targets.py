"""Which functions and classes the file of a model may name.

NequIP builds a model from names in its checkpoint, and calls whatever they name. Plain
containers can hold such a name as well as any pickle, so reading them without running
anything is not enough. Owns the list of what our trainers put there, and the search.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_KEY = "_target_"
TARGETS = frozenset(
    {
        "allegro.model.AllegroModel",
        "allegro.nn.TwoBodyBesselScalarEmbed",
        "nequip.data.CommonDataStatisticsManager",
        "nequip.data.datamodule.ASEDataModule",
        "nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper",
        "nequip.data.transforms.NeighborListTransform",
        "nequip.model.NequIPGNNModel",
        "nequip.train.EMALightningModule",
        "nequip.train.EnergyForceStressLoss",
        "nequip.train.EnergyForceStressMetrics",
        "nequip.train.NequIPLightningModule",
        "nequip_paper.paper_network",
        "torch.optim.Adam",
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
    }
)


def strange_targets(content: Any) -> list[str]:
    """Return what a checkpoint names and no model of our trainers does.

    Parameters
    ----------
    content
        The checkpoint, in plain containers.

    Returns
    -------
    The names, sorted; none for a model of ours.
    """
    return sorted({str(name) for name in _targets(content)} - TARGETS)


def _targets(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        if _KEY in content:
            yield content[_KEY]
        content = list(content.values())
    if isinstance(content, list | tuple):
        for one in content:
            yield from _targets(one)
