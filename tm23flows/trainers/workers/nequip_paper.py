"""The network of the TM23 paper (NequIP 0.6), put together from the layers of NequIP 0.19.

Owns what NequIP's own builder no longer does: self-connections that depend on the type
alone, one in the first layer too, a last layer with all features, a linear readout of
two steps and a trainable radial basis. Has as many weights as the paper's Table 2 says.
NequIP and Lightning load it by name, so this module has to be importable there.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from e3nn import o3
from nequip.data import AtomicDataDict
from nequip.model.energy_modules import _append_energy_modules
from nequip.model.utils import model_builder
from nequip.nn import (
    ApplyFactor,
    AtomwiseLinear,
    ConvNetLayer,
    ForceStressOutput,
    GraphModel,
    GraphModuleMixin,
    PerTypeScaleShift,
    SequentialGraphNetwork,
)
from nequip.nn.embedding import (
    BesselEdgeLengthEncoding,
    EdgeLengthNormalizer,
    NodeTypeEmbed,
    PolynomialCutoff,
    SphericalHarmonicEdgeAttrs,
)

TYPE_FEATURES = 32
READOUT_FEATURES = 16
_FEATURES, _ENERGY = AtomicDataDict.NODE_FEATURES_KEY, AtomicDataDict.PER_ATOM_ENERGY_KEY


class OneHotAttributes(GraphModuleMixin, torch.nn.Module):
    """Makes the attributes of an atom, which self-connections see, say its type and no more."""

    def __init__(self, n_types: int, irreps_in: Any) -> None:
        super().__init__()
        self.n_types = n_types
        attributes = {AtomicDataDict.NODE_ATTRS_KEY: o3.Irreps([(n_types, (0, 1))])}
        self._init_irreps(irreps_in=irreps_in, irreps_out=attributes)

    def forward(self, data: AtomicDataDict.Type) -> AtomicDataDict.Type:
        """Write the attributes.

        Parameters
        ----------
        data
            NequIP's data of a batch.

        Returns
        -------
        The same data with attributes of shape (atoms, types).
        """
        types = data[AtomicDataDict.ATOM_TYPE_KEY].view(-1)
        one_hot = torch.nn.functional.one_hot(types, self.n_types)
        data[AtomicDataDict.NODE_ATTRS_KEY] = one_hot.to(data[_FEATURES].dtype)
        return data


@model_builder
def paper_network(
    r_max: float, sizes: dict[str, Any], type_names: list[str], **scaling: Any
) -> GraphModel:
    """Build the network; NequIP's decorator takes seed and precision.

    Parameters
    ----------
    r_max
        Cutoff radius in A.
    sizes
        ``num_layers``, ``l_max``, ``parity``, ``num_features``, ``num_bessels``,
        ``radial_mlp_depth`` and ``radial_mlp_width``, as NequIP's builder calls them.
    type_names
        Names of the types.
    scaling
        ``avg_num_neighbors``, ``per_type_energy_scales`` and ``per_type_energy_shifts``.

    Returns
    -------
    The network, with forces and stress.
    """
    parts = _embedding(r_max, sizes, type_names)
    for number in range(sizes["num_layers"]):
        parts[f"layer{number}_convnet"] = ConvNetLayer(
            irreps_in=_last(parts),
            feature_irreps_hidden=_features(sizes),
            convolution_kwargs={
                "radial_mlp_depth": sizes["radial_mlp_depth"],
                "radial_mlp_width": sizes["radial_mlp_width"],
                "use_sc": True,
                "is_first_layer": number == 0,
                "avg_num_neighbors": scaling["avg_num_neighbors"],
                "type_names": type_names,
            },
        )
    parts["readout_hidden"] = AtomwiseLinear(
        irreps_in=_last(parts), irreps_out=f"{READOUT_FEATURES}x0e"
    )
    parts["readout"] = AtomwiseLinear(irreps_in=_last(parts), irreps_out="1x0e", out_field=_ENERGY)
    parts["scale_shift"] = PerTypeScaleShift(
        type_names=type_names,
        field=_ENERGY,
        out_field=_ENERGY,
        scales=scaling["per_type_energy_scales"],
        shifts=scaling["per_type_energy_shifts"],
        irreps_in=_last(parts),
    )
    energy = _append_energy_modules(SequentialGraphNetwork(parts), type_names)
    return ForceStressOutput(energy)


def _embedding(r_max: float, sizes: dict[str, Any], type_names: list[str]) -> dict[str, Any]:
    """What comes before the layers, as in NequIP's own builder but for two points."""
    parts: dict[str, Any] = {"type_embed": NodeTypeEmbed(type_names, TYPE_FEATURES)}
    parts["types"] = OneHotAttributes(len(type_names), _last(parts))
    harmonics = repr(o3.Irreps.spherical_harmonics(sizes["l_max"]))
    parts["spharm"] = SphericalHarmonicEdgeAttrs(harmonics, irreps_in=_last(parts))
    parts["edge_norm"] = EdgeLengthNormalizer(
        r_max=r_max, type_names=type_names, irreps_in=_last(parts)
    )
    parts["bessel_encode"] = BesselEdgeLengthEncoding(
        num_bessels=sizes["num_bessels"],
        trainable=True,
        cutoff=PolynomialCutoff(6),
        edge_invariant_field=AtomicDataDict.EDGE_EMBEDDING_KEY,
        irreps_in=_last(parts),
    )
    parts["factor"] = ApplyFactor(
        in_field=AtomicDataDict.EDGE_EMBEDDING_KEY,
        factor=(2 * math.pi) / (r_max * r_max),
        irreps_in=_last(parts),
    )
    return parts


def _features(sizes: dict[str, Any]) -> str:
    both = sizes["parity"]
    irreps = [
        (sizes["num_features"], (order, p))
        for order in range(sizes["l_max"] + 1)
        for p in ((1, -1) if both else ((-1) ** order,))
    ]
    return repr(o3.Irreps(irreps))


def _last(parts: dict[str, Any]) -> Any:
    return list(parts.values())[-1].irreps_out
