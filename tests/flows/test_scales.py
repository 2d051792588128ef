"""The two scales: the demonstration for all metals, and the numbers of the paper."""

import pytest

from tm23flows.errors import InputError
from tm23flows.flows.scales import SCALES, make_tm23
from tm23flows.flows.structure import StructureMaker
from tm23flows.jobs.structure import make_structure
from tm23flows.science.metals import METALS


@pytest.mark.parametrize("element", METALS)
def test_the_demonstration_has_seven_atoms_of_every_metal(element):
    maker = make_tm23(element, "demo", "gpaw").structure
    job = maker.make(element)
    structure = make_structure(*job.function_args)
    assert len(structure.numbers) == 7
    assert structure.min_image_distance_A > 4.0


def test_the_demonstration_keeps_manganese_small_and_the_paper_has_its_ground_state():
    small, real = (make_tm23("Mn", scale, "gpaw").structure for scale in ("demo", "paper"))
    assert (small.phase, real.phase) == ("bcc", None)
    assert len(real.unit_cell("Mn")) == 58


def test_what_is_asked_of_the_structure_reaches_both_scales():
    omega = StructureMaker(phase="omega", vacancy_seed=4)
    small, paper = (make_tm23("Ti", scale, "emt", omega) for scale in ("demo", "paper"))
    assert (small.structure.phase, small.structure.vacancy_seed) == ("omega", 4)
    assert (small.structure.basis, small.structure.supercell) == ("primitive", (2, 2, 1))
    assert paper.structure == omega
    chosen = make_tm23("Ti", "demo", "emt", StructureMaker(supercell=(3, 3, 2))).structure
    assert chosen.supercell == (3, 3, 2)


def test_the_demonstration_labels_some_frames_three_times():
    maker = make_tm23("Cu", "demo", "gpaw")
    recipes = [maker.label.recipe, *(extra.maker.recipe for extra in maker.extra_labels)]
    assert [(one.kmesh_text, one.sigma_eV) for one in recipes] == [
        ("3x3x3", 0.2), ("2x2x2", 0.2), ("3x3x3", 1.0),
    ]  # fmt: skip
    assert all(0 < extra.count < maker.trajectory.sampling.count for extra in maker.extra_labels)
    assert maker.trajectory.recipe.kmesh_offset == (0.25, 0.25, 0.25)


def test_the_paper_scale_is_the_protocol(jobs_of):
    maker = make_tm23("Cu", "paper", "gpaw")
    flow = maker.make("Cu")
    jobs = jobs_of(flow)
    runs = [job for job in jobs if job.name.endswith("trajectory")]
    assert [run.function_args[3] for run in runs] == [11_000] * 3
    assert [run.function_args[2]["temperature_K"] for run in runs] == pytest.approx(
        [0.25 * 1358, 0.75 * 1358, 1.25 * 1358], rel=1e-3
    )
    assert {run.function_args[2]["damping_fs"] for run in runs} == {200.0}
    assert {run.function_args[2]["timestep_fs"] for run in runs} == {5.0}
    assert any("k-mesh convergence" in job.name for job in jobs)
    labels = [job for job in jobs if " labels converged " in job.name]
    assert len(labels) == 3 * 20
    sizes = [(last or 0) - first for first, last in (job.function_args[2:4] for job in labels)]
    assert set(sizes) == {50}
    assert {job.function_args[1][0]["cutoff_eV"] for job in labels} == {520.0}
    assert {run.function_args[1]["cutoff_eV"] for run in runs} == {520.0}
    assert {run.function_args[1]["sigma_eV"] for run in runs} == {0.2}
    frames = [job for job in jobs if job.name.endswith("frames")]
    assert [job.function_args[1:] for job in frames] == [(1000, 10, 1000)] * 3
    assert (maker.split, maker.split_options) == ("full", {"allow_missing": 10})
    assert {model.trainer for model in maker.models} == {"flare", "nequip"}
    structure = make_structure("Cu", maker.structure.basis, None, 7.0, "image-distance", 0)
    assert structure.min_image_distance_A >= 7.0


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("element", ["Cu", "Ti", "Fe", "Hg", "Tc"])
def test_every_scale_can_be_made(scale, element):
    assert make_tm23(element, scale, "gpaw").make(element).name.startswith(element)


@pytest.mark.parametrize(
    ("element", "scale", "engine", "why"),
    [
        ("Xx", "demo", "gpaw", "27 metals"),
        ("Cu", "big", "gpaw", "demo, paper"),
        ("Cu", "demo", "abinit", "no engine"),
    ],
)
def test_what_there_is_not_is_refused_in_one_sentence(element, scale, engine, why):
    with pytest.raises(InputError, match=why):
        make_tm23(element, scale, engine)


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_powerups_of_atomate2_reach_every_calculation_of_a_workflow(scale, jobs_of):
    from atomate2.vasp.powerups import update_user_incar_settings, update_user_kpoints_settings
    from pymatgen.io.vasp import Kpoints

    flow = make_tm23("Os", scale, "vasp").make("Os")
    changed = update_user_incar_settings(flow, {"ENCUT": 600})
    mesh = Kpoints.gamma_automatic((5, 5, 5))
    changed = update_user_kpoints_settings(changed, mesh, name_filter="static")
    pairs = [
        (job.name, job.maker.calculation)
        for job in jobs_of(changed)
        if getattr(job.maker, "calculation", None)
    ]
    assert len(pairs) == len(
        [job for job in jobs_of(flow) if job.metadata["tm23"]["category"] in {"aimd", "label"}]
    )
    for name, maker in pairs:
        sets = maker.input_set_generator
        assert sets.user_incar_settings == {"ENCUT": 600}
        assert bool(sets.user_kpoints_settings) == ("trajectory" not in name)
    originals = [
        job.maker.calculation for job in jobs_of(flow) if getattr(job.maker, "calculation", None)
    ]
    assert not any(maker.input_set_generator.user_incar_settings for maker in originals)


def test_the_paper_on_vasp_is_gamma_with_the_thermostat_of_the_article(jobs_of):
    jobs = jobs_of(make_tm23("Os", "paper", "vasp").make("Os"))
    runs = [job for job in jobs if job.name.endswith("trajectory")]
    for run in runs:
        _, recipe, dynamics, n_steps, segment_steps, _ = run.function_args
        assert (recipe["kmesh"], recipe["cutoff_eV"]) == ([1, 1, 1], 520.0)
        assert (dynamics["ensemble"], dynamics["damping_fs"]) == ("nvt-nose-hoover", 200.0)
        assert (n_steps, segment_steps) == (11_000, 1000)
