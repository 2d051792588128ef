"""The Maker of the density-of-states study, from the structure to the page."""

from dataclasses import replace

import pytest
from atomate2.vasp.powerups import update_vasp_input_generators

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.studies import dos
from tm23flows.flows.studies.dos import DosStudyMaker, spectra_maker
from tm23flows.flows.trajectory import Sampling
from tm23flows.report.studies.dos import section
from tm23flows.science.protocol import Regime


def small(element, engine="emt", **fields):
    """A road of 12 steps and 4 frames in the melt."""
    maker = make_tm23(element, "demo", engine)
    return replace(
        maker,
        regimes=(Regime.MELT,),
        trajectory=replace(maker.trajectory, n_steps=12, sampling=Sampling(4, 2, 4)),
        extra_labels=(),
        models=(),
        split_options={"train_fraction": 0.5},
        **fields,
    )


@pytest.fixture
def emt_states(emt_spectra, monkeypatch):
    """EMT as an engine that has electrons."""
    monkeypatch.setattr(dos, "WITHOUT_ELECTRONS", ())


def test_two_metals_from_nothing_to_the_page(archive, run_flow, emt_states):
    flow = DosStudyMaker(count=2, seed=5).make({"Cu": small("Cu"), "Ag": small("Ag")})
    out = run_flow(flow)
    stored = [Study.from_stored(one) for one in archive.database["studies"].find()]
    (made,) = stored
    assert out[flow.jobs[-1].uuid][1].output["study_id"] == made.id
    assert made.elements == ("Cu", "Ag")
    assert (made.settings["count"], made.settings["seed"]) == (2, 5)
    for row in made.results.metals:
        assert len(row.frames) == 2
        densities = archive.get_many(DensityOfStates, [one.dos_id for one in row.frames])
        assert {one.element for one in densities} == {row.element}
        assert {one.regime for one in densities} == {"melt"}
        dataset = archive.dataset(f"{row.element}-demo")
        test = archive.get_many(Label, dataset.parts["test"])
        assert {one.frame_id for one in row.frames} <= {one.frame_id for one in test}
        assert dataset.id in made.parents["datasets"]
    shown = section(archive, made)
    assert len(shown.tables[0].rows) == 2
    assert shown.drawings[0].svg


def test_again_computes_nothing(archive, run_flow, emt_states, monkeypatch):
    from tm23flows.engines.emt import EmtEngine

    roads = {"Cu": small("Cu")}
    run_flow(DosStudyMaker(count=1).make(roads))
    counts = {name: archive.database[name].count_documents({}) for name in ("labels", "studies")}
    monkeypatch.setattr(EmtEngine, "_compute", None)
    run_flow(DosStudyMaker(count=1).make(roads))
    for name, count in counts.items():
        assert archive.database[name].count_documents({}) == count


def test_the_settings_reach_the_jobs():
    maker = DosStudyMaker(count=4, seed=7, part="validation", width_eV=0.3, bands_percent=None)
    flow = DosStudyMaker.from_dict(maker.as_dict()).make({"Ti": small("Ti", "gpaw")})
    study = flow.jobs[-1]
    assert study.function_args[1] == {
        "count": 4, "seed": 7, "part": "validation", "regime": "melt", "width_eV": 0.3,
        "bands_percent": None,
    }  # fmt: skip
    (metal,) = [one for one in flow.jobs if one is not study]
    choice = next(one for one in metal.jobs if "frames of the densities" in one.name)
    assert choice.function_args[1:] == ("validation", "melt", 4, 7)
    (worker,) = metal.jobs[-1].jobs
    assert worker.maker.spectra
    assert worker.function_args[2:4] == (-4, 0)


def test_the_mesh_of_a_convergence_is_that_of_the_spectra():
    road = small("Ti", "gpaw", convergence=KpointConvergenceMaker())
    flow = DosStudyMaker().make({"Ti": road})
    (worker,) = flow.jobs[0].jobs[-1].jobs
    mesh = worker.function_args[4]
    assert mesh is not None
    ids = flow.jobs[-1].function_args[0][0]
    assert ids["convergence_id"].uuid == mesh.uuid


@pytest.mark.parametrize("allowed", [False, True])
def test_a_mesh_that_is_not_converged_stops_it_unless_it_is_told_to_go_on(allowed):
    road = small("Ti", "gpaw", convergence=KpointConvergenceMaker())
    flow = DosStudyMaker(allow_unconverged=allowed).make({"Ti": road})
    (verdict,) = [job for job, _ in flow.iterflow() if job.name == "Ti k-mesh convergence"]
    assert verdict.function_args[-1] is allowed


@pytest.mark.parametrize(
    ("engine", "options", "expected"),
    [
        ("gpaw", {}, {"nbands": "200%"}),
        ("vasp", {}, {"bands_percent": 200}),
        ("emt", {}, {}),
        ("gpaw", {"nbands": "300%"}, {"nbands": "300%"}),
    ],
)
def test_densities_of_states_get_more_bands_than_labels(engine, options, expected):
    label = LabelMaker(recipe=Recipe(engine=engine, options=options), sigma_variants_eV=(1.0,))
    made = spectra_maker(label, 3)
    assert made.recipe.options == expected
    assert made.spectra
    assert made.sigma_variants_eV == ()
    assert made.recipe.sigma_eV == label.recipe.sigma_eV
    assert spectra_maker(label, 3, None).recipe == label.recipe


@pytest.mark.parametrize(
    ("fields", "roads", "word"),
    [
        ({}, {}, "needs a metal"),
        ({}, {"Cu": small("Cu")}, "emt has no electrons"),
        ({"count": 0}, {"Ti": small("Ti", "gpaw")}, "positive"),
        ({"width_eV": 0.0}, {"Ti": small("Ti", "gpaw")}, "positive"),
        ({"regime": "cold"}, {"Ti": small("Ti", "gpaw")}, "no cold; it has melt"),
    ],
    ids=["no metal", "emt", "no frames", "no width", "no regime"],
)
def test_what_cannot_be_wired_is_refused_at_once(fields, roads, word):
    with pytest.raises(InputError, match=word):
        DosStudyMaker(**fields).make(roads)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_on_vasp(archive, run_flow, vasp):
    """Through custodian, the simulator and vasprun.xml: late and early metals."""
    roads = {element: small(element, "vasp") for element in ("Ti", "Au")}
    flow = DosStudyMaker(count=2).make(roads)
    quick = {"polling_time_step": 0.05, "monitor_freq": 5}
    run_flow(update_vasp_input_generators(flow, {"run_vasp_kwargs->custodian_kwargs": quick}))
    (made,) = [Study.from_stored(one) for one in archive.database["studies"].find()]
    rows = {row.element: row for row in made.results.metals}
    assert rows["Au"].d_below_fermi > 0.9
    assert 0.05 < rows["Ti"].d_below_fermi < 0.5
    assert rows["Ti"].d_band_centre_eV > 0 > rows["Au"].d_band_centre_eV
    for row in rows.values():
        assert row.window_complete
        for frame in row.frames:
            assert frame.integrated_electrons == pytest.approx(frame.electrons, rel=1e-3)
    densities = archive.get_many(DensityOfStates, made.parents["densities_of_states"])
    assert {one.recipe.options["bands_percent"] for one in densities} == {200}
    assert "LORBIT" not in densities[0].recipe.options["incar"]
    assert densities[0].provenance.software["vasp"] == "6.4.3-simulator"
    assert all(isinstance(archive.get(Dataset, one), Dataset) for one in made.parents["datasets"])
