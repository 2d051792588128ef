import pytest
from fireworks import Workflow

from tm23flows.flows import scales


def test_build_writes_a_workflow_that_fireworks_reads(tm23, tmp_path):
    path = tmp_path / "cu.yaml"
    ran = tm23("build", "Cu", "--scale", "demo", "--engine", "emt", "-o", path)
    assert ran.code == 0
    assert f"lpad add {path}" in ran.out
    workflow = Workflow.from_file(str(path))
    names = [fw.name for fw in workflow.fws]
    assert len(set(names)) == len(names)
    assert {fw.spec["_category"] for fw in workflow.fws} == {
        "aimd",
        "label",
        "train-gpu",
        "analyse",
    }
    assert [entry.name for entry in tmp_path.iterdir()] == ["cu.yaml"]


def test_several_metals_in_one_workflow(tm23, tmp_path):
    path = tmp_path / "both.yaml"
    assert tm23("build", "Cu", "Ti", "--engine", "gpaw", "-o", path).code == 0
    names = {fw.name for fw in Workflow.from_file(str(path)).fws}
    assert {"Cu structure", "Ti structure"} <= names


def test_paper_scale_is_the_papers_protocol(tm23, tmp_path):
    path = tmp_path / "paper.yaml"
    assert tm23("build", "Cu", "--scale", "paper", "-o", path).code == 0
    jobs = {fw.name: fw.tasks[0]["job"] for fw in Workflow.from_file(str(path)).fws}
    run = jobs["Cu melt trajectory"].function_args
    assert run[3] == 11_000
    assert run[1]["cutoff_eV"] == 520
    assert run[1]["kmesh"] == [1, 1, 1]
    assert run[2]["timestep_fs"] == 5
    assert run[2]["temperature_K"] == pytest.approx(1.25 * 1358, rel=1e-3)
    assert jobs["Cu melt frames"].function_args[1:] == [1000, 10, 1000]
    assert sum("Cu melt labels" in name for name in jobs) == 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("Xx",), "Xx"),
        (("cu",), "Cu"),
        (("Cu", "--scale", "huge"), "There is no scale 'huge'; choose one of: demo, paper."),
        (("Cu", "--engine", "abinit"), "There is no engine 'abinit'"),
        (("Cu", "Cu"), "named more than once"),
    ],
)
def test_wrong_words_write_no_file(tm23, tmp_path, words, sentence):
    ran = tm23("build", *words, "-o", tmp_path / "wf.yaml")
    assert ran.code == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_no_folder_to_write_to(tm23, tmp_path):
    ran = tm23("build", "Cu", "-o", tmp_path / "no" / "wf.yaml")
    assert ran.code == 2
    assert "There is no folder" in ran.err


@pytest.mark.slow
@pytest.mark.flare
@pytest.mark.nequip
def test_run_goes_the_whole_road_here(tm23, archive, tmp_path, monkeypatch):
    """The same flow without FireWorks, with both trainers; a second run adds nothing."""
    monkeypatch.setattr(scales, "DEMO_NEQUIP", {"max_epochs": 3})
    words = ("run", "Cu", "--scale", "demo", "--engine", "emt", "--workdir", tmp_path / "run")
    assert tm23(*words).code == 0
    collections = ("structures", "frames", "labels", "datasets", "models", "evaluations")
    first = {name: archive.database[name].count_documents({}) for name in collections}
    assert first["models"] == first["evaluations"] == 2
    assert tm23(*words).code == 0
    assert {n: archive.database[n].count_documents({}) for n in collections} == first
    for stored in archive.database["evaluations"].find():
        assert archive.trace(stored["_id"]).complete


def test_run_without_a_database_says_so_first(tm23, tmp_path):
    ran = tm23("run", "Cu", "--engine", "emt", "--workdir", tmp_path / "run")
    assert ran.code == 2
    assert "tm23 db start" in ran.err
    assert not (tmp_path / "run").exists()
