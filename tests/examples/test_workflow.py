"""The workflows of TM23-mini: what is computed, and that nothing is computed twice."""

import json

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label
from tm23flows.report.records import read_all


def names_of(flow):
    return [job.name for job, _ in flow.iterflow()]


def test_every_metal_gets_labels_at_both_widths_on_the_mesh_of_the_test(mini):
    for metal in mini.protocol.METALS:
        names = names_of(mini.workflow.labels_flow([metal]))
        assert f"{metal} k-mesh convergence" in names
        assert sum("labels converged 0.2, 2.0 eV" in one for one in names) >= 6
        assert names[-1] == f"{metal} smearing"


def test_the_models_are_those_of_all_metals(mini):
    names = names_of(mini.workflow.models_flow(mini.protocol.METALS))
    for metal in mini.protocol.METALS:
        assert {f"{metal} flare model", f"{metal} nequip model"} <= set(names)
    together = " ".join(mini.protocol.METALS)
    assert {f"{together} transfer study", f"{together} smearing"} <= set(names)
    assert sum("learning curve" in one for one in names) == len(mini.protocol.METALS)


def test_metals_run_one_after_the_other_and_others_can_be_asked_for(mini, tmp_path, monkeypatch):
    priorities = []
    for metal in ("Cu", "Au", "Ag"):
        file = tmp_path / f"{metal}.json"
        monkeypatch.setattr(
            "sys.argv", ["workflow.py", "labels", metal, "--engine", "emt", "-o", str(file)]
        )
        mini.workflow.main()
        (priority,) = {one["spec"]["_priority"] for one in json.loads(file.read_text())["fws"]}
        priorities.append(priority)
    assert priorities == sorted(set(priorities), reverse=True)


def test_bands_are_the_same_at_both_widths_and_those_of_the_metal(mini):
    for metal in mini.protocol.METALS:
        options = mini.protocol.road(metal).label.recipe.options
        assert options["nbands"] == mini.protocol.BANDS.get(metal, mini.protocol.OTHER_BANDS)


def test_the_road_runs_and_a_second_time_computes_nothing(mini, emt_mini, run_flow):
    before = {one.id: one.provenance.created for one in read_all(emt_mini, Label)}
    sampling = mini.protocol.SAMPLING
    assert emt_mini.frames().count() == 3 * sampling.count
    for sigma in mini.protocol.SIGMAS_EV:
        (test,) = read_all(emt_mini, Convergence)
        mesh = "x".join(map(str, test.kmesh))
        assert emt_mini.labels(kmesh=mesh, sigma_eV=sigma).count() >= 3 * sampling.count
    run_flow(mini.workflow.labels_flow(["Cu"], "emt"))
    assert {one.id: one.provenance.created for one in read_all(emt_mini, Label)} == before
