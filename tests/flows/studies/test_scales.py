"""Studies by name: every one can be wired at both scales, and the small one is what docs say."""

import re
from pathlib import Path

import numpy as np
import pytest
from jobflow.managers.fireworks import flow_to_workflow

from tm23flows.errors import InputError
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.scales import KINDS, SMALL_SAMPLING, make_study, study_road
from tm23flows.ops.cost.plan import plan_of
from tm23flows.science import protocol

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "studies.md").read_text()


def structures(*metals):
    return dict.fromkeys(metals, StructureMaker())


@pytest.mark.parametrize("scale", ["demo", "paper"])
@pytest.mark.parametrize("name", KINDS)
def test_every_study_is_a_workflow_at_both_scales(name, scale):
    flow = make_study(name, structures("Cu", "Ti"), scale, "gpaw", {})
    workflow = flow_to_workflow(flow, store=None)
    names = [one.name for one in workflow.fws]
    assert len(set(names)) == len(names)
    assert plan_of(workflow).largest_document_bytes < 100_000


def test_the_metals_where_none_are_named_are_those_of_the_article():
    assert KINDS["smearing"].metals == protocol.SIGMA_METALS
    assert KINDS["electrons"].metals == protocol.NELECT_METALS
    assert len(KINDS["correlations"].metals) == 27


def test_the_small_scale_is_that_of_the_page():
    road = study_road("Cu", "smearing", "demo", "gpaw")
    assert road.trajectory.sampling == SMALL_SAMPLING
    frames = SMALL_SAMPLING.count * len(road.regimes)
    assert f"{frames} frames a metal" in PAGE
    assert road.convergence is not None
    assert not road.convergence.accept_densest


def test_all_widths_of_a_sweep_have_the_same_bands_so_that_one_calculator_does_them():
    sweep = study_road("Ti", "smearing", "demo", "gpaw").label.recipe
    assert sweep.options["nbands"] == "200%"
    assert "nbands" not in study_road("Ti", "dos", "demo", "gpaw").label.recipe.options
    assert study_road("Ti", "smearing", "demo", "vasp").label.recipe.options == {}


def test_a_mesh_to_go_on_with_is_tried_too():
    road = study_road("Cu", "smearing", "demo", "gpaw", kmesh=(6, 6, 6))
    meshes = road.convergence.candidates(road.structure.supercell_vectors("Cu"))
    assert [one.kmesh[0] for one in meshes] == [2, 3, 4, 6]
    assert road.convergence.fallback == (6, 6, 6)


def test_strained_crystals_keep_their_symmetry_in_gpaw():
    flow = make_study("correlations", structures("Cu"), "demo", "gpaw", {})
    jobs = {job.name: job for job, _ in flow.iterflow()}
    (strained,) = [job for name, job in jobs.items() if "strained" in name and "labels" in name]
    assert strained.function_args[1][0]["options"]["symmetry"] == {}
    assert jobs["Cu k-mesh labels 2x2x2 0.2 eV 1/1"].function_args[1][0]["options"] == {}


def test_the_scale_of_the_paper_trains_as_the_paper():
    flow = make_study("smearing", structures("Cu"), "paper", "vasp", {})
    jobs = {job.name: job for job, _ in flow.iterflow()}
    trained = [job for name, job in jobs.items() if name.startswith("Cu flare model")]
    assert len(trained) == 3
    assert all(one.function_args[2]["environments_per_frame"] == 1 for one in trained)
    names = {
        j.name
        for j, _ in make_study("correlations", structures("Cu"), "paper", "vasp", {}).iterflow()
    }
    assert "Cu nequip model" in names
    assert "Cu flare model" not in names


@pytest.mark.parametrize("name", KINDS)
def test_every_study_can_be_told_to_go_on_with_a_mesh_that_is_not_converged(name):
    make_study(name, structures("Cu", "Ti"), "demo", "gpaw", {"allow_unconverged": True})


@pytest.mark.parametrize("name", [one for one, kind in KINDS.items() if not kind.is_large])
def test_a_mesh_to_go_on_with_has_to_be_allowed(name):
    asked = (name, structures("Cu", "Ti"), "demo", "gpaw")
    with pytest.raises(InputError, match="--allow-unconverged"):
        make_study(*asked, {}, kmesh=(3, 3, 3))
    make_study(*asked, {"allow_unconverged": True}, kmesh=(3, 3, 3))


def test_a_large_cell_has_no_convergence_test():
    road = study_road("Os", "finite-size", "paper", "vasp")
    assert road.convergence is None
    assert road.label.recipe.kmesh == (1, 1, 1)
    small = study_road("Cu", "finite-size", "demo", "gpaw")
    assert np.linalg.norm(small.structure.supercell_vectors("Cu"), axis=1).min() >= 7
    given = study_road("Os", "finite-size", "demo", "gpaw", kmesh=(2, 2, 2))
    assert given.label.recipe.kmesh == (2, 2, 2)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("smear", {}, "There is no study 'smear'; choose one of: smearing"),
        ("smearing", {"sigmas": "1"}, "has no setting 'sigmas'"),
        ("smearing", {"sigmas_eV": "0.2"}, "at least two widths"),
        ("electrons", {"electrons_per_atom": "x"}, "cannot be x"),
    ],
)
def test_what_cannot_be_wired_is_said(name, settings, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        make_study(name, structures("Cu", "Ti"), "demo", "gpaw", settings)
