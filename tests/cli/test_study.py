"""``tm23 build|run|plan study`` and ``tm23 study``: words, a whole study, its page."""

import re
import shlex
from pathlib import Path

import pytest
from fireworks import Workflow

from tm23flows.cli import study as cli_study
from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.correlations import CorrelationResults, MetalRow
from tm23flows.documents.study import Study
from tm23flows.flows.studies.scales import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "studies.md").read_text()


def test_metals_follow_the_option_as_in_the_manual(tm23, tmp_path):
    path = tmp_path / "smearing.yaml"
    ran = tm23(
        "build", "study", "smearing", "--metals", "Cu", "Ti", "Os", "Au", "--engine", "emt",
        "-o", path,
    )  # fmt: skip
    assert ran.code == 0
    assert f"lpad add {path}" in ran.out
    names = {fw.name for fw in Workflow.from_file(str(path)).fws}
    assert {f"{one} structure" for one in ("Cu", "Ti", "Os", "Au")} <= names


def test_the_plan_of_a_study_has_costs_and_names_what_it_cannot_tell(tm23, tmp_path):
    words = ("molecular-dynamics", "--metals", "Cu", "--engine", "emt", "--workers", 3)
    told = tm23("plan", "study", *words, "-o", tmp_path / "plan.json", "--json").json
    assert told["forecast"]["workers"] == 3
    assert told["forecast"]["sums"][-1]["jobs"] == told["fireworks"]
    assert any("ModelRunsJobMaker.make are counted" in one for one in told["forecast"]["unknown"])
    assert (tmp_path / "plan.json").exists()


@pytest.mark.parametrize("command", ["build", "run", "plan"])
def test_the_help_names_every_study(tm23, command):
    words = tm23(command, "study", "--help").out
    assert all(kind in words for kind in KINDS)


def test_without_metals_they_are_the_articles(tm23):
    ran = tm23("plan", "study", "electrons", "--engine", "emt", "--json")
    assert ran.code == 0
    assert ran.json["frames"] == 2 * 24


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("smear",), "There is no study 'smear'"),
        (("smearing", "Cu"), "--metals Cu"),
        (("smearing", "--metals", "Xx"), "Xx"),
        (("smearing", "--metals", "Cu", "Cu"), "named more than once"),
        (("smearing", "--metals", "Cu", "--kmesh", "3"), "no k-mesh"),
        (("smearing", "--metals", "Cu", "--set", "count"), "--set takes a name and a value"),
        (("smearing", "--metals", "Cu", "--set", "x=1"), "has no setting 'x'"),
        (("smearing", "--metals", "Cu", "--kmesh", "3x3x3"), "--allow-unconverged"),
    ],
)
def test_wrong_words_write_no_file(tm23, tmp_path, words, sentence):
    ran = tm23("build", "study", *words, "--engine", "emt", "-o", tmp_path / "wf.yaml")
    assert ran.code == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "goes_on"), [("correlations", True), ("smearing", False), ("finite-size", False)]
)
def test_only_a_study_that_knows_gaps_goes_on_when_a_job_fails(
    tm23, archive, monkeypatch, kind, goes_on
):
    told = {}

    def nothing_ends_well(flow, workdir, **how):
        told.update(how)
        return {}

    monkeypatch.setattr(cli_study, "run_here", nothing_ends_well)
    ran = tm23("run", "study", kind, "--metals", "Cu", "--engine", "emt")
    assert told["keep_going"] is goes_on
    assert ran.code == 2
    assert "There is no study" in ran.err
    assert "Cu structure" in ran.err
    assert ran.err.count("\n") == 1


def test_a_study_with_gaps_is_shown_and_says_so(tm23, archive, monkeypatch):
    metal = MetalRow(element="Cu", group=11, family="fcc")
    made = Study(
        provenance=Provenance.now(), elements=("Cu",), settings={}, parents={},
        warnings=("The mesh is coarse.",),
        results=CorrelationResults(
            metals=(metal,), trends=(), contrasts=(), n_p_values=0, level=0.05, correction="bh"
        ),
    )  # fmt: skip
    archive.put(made)

    def one_job_ends_well(flow, workdir, **how):
        return {flow.output.uuid: {"study_id": made.id}}

    monkeypatch.setattr(cli_study, "run_here", one_job_ends_well)
    ran = tm23("run", "study", "correlations", "--metals", "Cu", "--engine", "emt")
    assert ran.code == 1
    assert made.id[:12] in ran.out
    assert ran.out.index("The mesh is coarse.") < ran.out.index("were measured")
    assert "the study has gaps" in ran.err


def test_there_is_no_study_yet(tm23, archive):
    assert "There is no study yet" in tm23("study", "list").out
    assert tm23("study", "list", "--json").json == []
    assert tm23("study", "show", "smearing").code == 2


@pytest.mark.slow
def test_a_study_from_the_words_to_its_page(tm23, archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("run", "study", "smearing", "--metals", "Cu", "--engine", "emt")
    ran = tm23(*words)
    assert ran.code == 0, ran.err
    (study,) = tm23("study", "list", "--json").json
    assert (study["kind"], study["elements"]) == ("smearing", ["Cu"])
    assert "Smearing" in ran.out
    assert study["id"][:12] in tm23("study", "list").out
    assert tm23("study", "show", "smearing", "--json").json["id"] == study["id"]
    assert study["id"][:12] in tm23("study", "show", study["id"][:8]).out
    assert tm23("trace", study["id"], "--json").json["complete"]
    # Everything is found again.
    before = archive.database["labels"].count_documents({})
    assert tm23(*words).code == 0
    assert archive.database["labels"].count_documents({}) == before
    assert archive.database["studies"].count_documents({}) == 1
    assert tm23("report", "-o", "report/index.html").code == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert 'href="#smearing"' in page
    assert archive.get(Study, study["id"]).results.metals[0].sentence in page
    assert tm23("audit").code == 0
    commands = re.findall(r"^    (tm23 .+)$", PAGE, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert ran.out, command
