"""The figure of phonons where there is one source, and where there are more than colours."""

import pytest

from tm23flows.documents.structure import Crystal
from tm23flows.documents.studies.phonons import PhononCurves, PhononMetal, PhononModel
from tm23flows.report.studies.phonon_figure import curves_of, draw_phonons

CRYSTAL = Crystal(
    element="Cu", phase="fcc", source="a test",
    cell=((0, 1.8, 1.8), (1.8, 0, 1.8), (1.8, 1.8, 0)), positions=((0, 0, 0),),
)  # fmt: skip


def metal(count):
    curves = PhononCurves(
        crystal=CRYSTAL, a_A=3.6, c_A=None, volume_A3_per_atom=11.7,
        path_THz=((-1.0, 0.0, 0.0), (4.0, 4.0, 7.0)), dos_THz=(-1.0, 3.0, 8.0),
        dos_per_THz=(0.0, 0.6, 0.1), lowest_THz=-1.0, imaginary_share=0.1, drift_eV_per_A2=0.0,
    )  # fmt: skip
    models = [
        PhononModel(model_id=f"model {place}", curves=curves, wall_s=1.0) for place in range(count)
    ]
    lost = PhononModel(model_id="lost", curves=None, reason="it failed", wall_s=1.0)
    return PhononMetal(
        element="Cu", phase="fcc", dataset_id="d", supercell=(3, 3, 3), n_atoms=27,
        path_q=((0, 0, 0), (0.5, 0.5, 0)), path_places_per_A=(0.0, 1.7),
        path_ticks=((0.0, "Γ"), (1.7, "X")), q_mesh=(8, 8, 8), labels=None,
        models=(*models, lost),
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 8])
def test_models_alone_are_drawn_and_what_failed_is_left_out(count):
    made = metal(count)
    names = {one.model_id: f"${one.model_id}" for one in made.models}
    assert [name for name, _ in curves_of(made, names)] == ["labels", *names.values()]
    bands, states = draw_phonons(made, names).figure.axes
    assert len(bands.lines) == 3 * count + 1
    assert "#000000" not in {one.get_color() for one in states.lines[:-1]}
    legend = [one.get_text() for one in bands.get_legend().get_texts()]
    assert legend == [rf"\$model {place}" for place in range(count)]


def test_imaginary_frequencies_are_in_sight():
    made = metal(1)
    bands, states = draw_phonons(made, {one.model_id: "x" for one in made.models}).figure.axes
    assert bands.get_ylim()[0] < -1
    assert states.get_ylim() == bands.get_ylim()
