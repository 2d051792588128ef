"""Outputs of the jobs before a crystal study of EMT's copper, in this process."""

from __future__ import annotations

from ase.build import bulk

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.flows.studies.crystal import CrystalStudyMaker
from tm23flows.jobs.elastic_constants import fit_elastic_constants, strain_crystal
from tm23flows.jobs.equilibrium import find_equilibrium, scan_lattice
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.vacancy import cut_vacancy
from tm23flows.science.elasticity import standard_crystal

SETTINGS = CrystalStudyMaker().settings()
RECIPE = Recipe(engine="emt", kmesh=(4, 4, 4)).model_dump(mode="json")
CELLS = (SETTINGS["volumes"], SETTINGS["axial_ratios"])


def start(a_A=3.6, phase="fcc", symbol="Cu"):
    """A crystal near rest, as a dict."""
    unit = standard_crystal(bulk(symbol, phase, a=a_A))
    return Crystal.from_atoms(unit, phase, "a test").model_dump(mode="json")


def labelled(frame_ids):
    return label_frames(frame_ids, [RECIPE], 0, 0)["recipe_id"]


def equilibrium(crystal, final=True):
    frame_ids = scan_lattice.original(crystal, *CELLS)["frame_ids"]
    recipe = labelled(frame_ids)
    return find_equilibrium.original(frame_ids, [recipe], crystal, *CELLS, final=final)


def elastic(crystal):
    steps = (SETTINGS["strain"], SETTINGS["displacement_A"])
    frame_ids = strain_crystal.original(crystal, *steps)["frame_ids"]
    made = fit_elastic_constants.original(frame_ids, [labelled(frame_ids)], crystal, *steps)
    return made["elastic_constants_id"]


def vacancy(crystal):
    frame_ids = cut_vacancy.original(crystal, [2, 2, 2])["frame_ids"]
    return {"frame_ids": frame_ids, "recipe_ids": [labelled(frame_ids)]}


def metal(**fields):
    """What the job of the study takes of a metal, without labels."""
    given = {
        "element": "Cu",
        "phase": "fcc",
        "unit": start(),
        "phases": {},
        "multiples": [2, 2, 2],
        "dataset_id": "d" * 64,
        "model_ids": [],
        "labels": None,
    }
    return {**given, **fields}
