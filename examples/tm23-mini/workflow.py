"""Write the workflows of TM23-mini for 'lpad add'.

python workflow.py labels Cu -o Cu.yaml     # from the structure to labels and smearing of one metal
python workflow.py models -o models.yaml    # models, transfer, curves; smearing of all metals

The second computes nothing that the first has computed: what is in the archive is found there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobflow import Flow, Job
from protocol import (
    CURVE_SIZES,
    CURVE_TEMPERATURE,
    CURVE_TEST,
    METALS,
    SIGMAS_EV,
    learning_curve,
    road,
    smearing,
    transfer,
)

from tm23flows.cli.execution import make_workflow
from tm23flows.flows.learning_curve import RULE, datasets_by_size
from tm23flows.flows.naming import tagged
from tm23flows.flows.tm23 import Labelled, Road
from tm23flows.jobs.dataset import make_dataset


def labels_flow(metals: Sequence[str], engine: str = "gpaw") -> Flow:
    """Return the smearing study of some metals, which is the whole road to their labels.

    Parameters
    ----------
    metals
        Chemical symbols.
    engine
        What labels.

    Returns
    -------
    The flow.
    """
    return smearing().make({metal: road(metal, engine) for metal in metals})


def models_flow(metals: Sequence[str], engine: str = "gpaw") -> Flow:
    """Return everything that is made from the labels.

    Parameters
    ----------
    metals
        Chemical symbols.
    engine
        What labels.

    Returns
    -------
    The flow.
    """
    roads = {metal: road(metal, engine) for metal in metals}
    parts = [_models_of(metal, engine) for metal in metals]
    studies = [transfer().make(roads), labels_flow(metals, engine)]
    return Flow([*parts, *studies], name="TM23-mini models")


def _models_of(metal: str, engine: str) -> Flow:
    """Train on the labels of the article's width, and along the learning curve."""
    maker = road(metal, engine)
    way = maker.frames(metal)
    # The smearing study has given these labels their names.
    labelled = maker.labelled(way, name=f"{metal}-{maker.name}-{SIGMAS_EV[0]:g}eV")
    models = [one.make(labelled.dataset_id, metal) for one in maker.models]
    curve = _curve(metal, way, labelled)
    return Flow([*way.flows, *labelled.labels, labelled.dataset, *models, *curve], name=metal)


def _curve(metal: str, way: Road, labelled: Labelled) -> list[Flow | Job]:
    name = f"{metal}-mini-curve"
    options: dict[str, Any] = {
        "sizes": CURVE_SIZES, "n_test": CURVE_TEST, "temperature": CURVE_TEMPERATURE,
    }  # fmt: skip
    recipe_ids = [batch.output["recipe_id"] for flow in labelled.labels for batch in flow.jobs]
    made = make_dataset(name, list(way.frame_ids.values()), recipe_ids, RULE, options)
    tagged(made, f"{metal} curve datasets", "analyse", metal)
    datasets = datasets_by_size(made.output["datasets"], name, CURVE_SIZES)
    return [made, learning_curve().make(datasets, metal)]


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("part", choices=["labels", "models"])
    parser.add_argument("metals", nargs="*", default=METALS)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--engine", default="gpaw", help="emt tries the road in a minute")
    asked = parser.parse_args()
    metals = asked.metals or METALS
    make = labels_flow if asked.part == "labels" else models_flow
    workflow = make_workflow(make(metals, asked.engine))
    # One metal after the other, so that the first is done early; those of your own come last.
    places = {metal: place for place, metal in enumerate(reversed(METALS), 1)}
    for firework in workflow.fws:
        firework.spec["_priority"] = places.get(metals[0], 0)
    workflow.name = f"TM23-mini {asked.part} {' '.join(metals)}"
    workflow.to_file(str(asked.output))
    print(f"{len(workflow.fws)} jobs in {asked.output}")


if __name__ == "__main__":
    main()
