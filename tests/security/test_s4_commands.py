"""S4: what comes out of a database chooses no program, and no program gets our passwords."""

import ast
import subprocess

import pytest
from fireworks import fw_config

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.base import Setup, get_engine
from tm23flows.engines.vasp.inputs import TM23StaticSet
from tm23flows.engines.vasp.makers import TM23StaticMaker
from tm23flows.engines.vasp.run import run_in
from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.flows.label import LabelMaker
from tm23flows.trainers.worker import Worker, run_worker

SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
VARIABLES = {"expandvars"}
OF_THIS_MACHINE = {"engines/vasp/command.py"}
"""Where variables are put into texts: commands from settings, never from a workflow."""

SECRET = "S3CRET-pw"


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


@pytest.fixture
def quick_maker():
    maker = TM23StaticMaker(input_set_generator=TM23StaticSet(cutoff_eV=300.0))
    maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05}
    return maker


@pytest.mark.parametrize("form", ["[{}]", "{}"], ids=["list", "text"])
def test_a_shell_line_in_the_worker_file_starts_nothing(form, marker, tmp_path, vasp, monkeypatch):
    monkeypatch.delenv("TM23_VASP_CMD")
    path = tmp_path / "my_fworker.yaml"
    line = f'"vasp_std; touch {marker}"'
    path.write_text(f"env:\n  vasp_cmd: {form.format(line)}\n")
    monkeypatch.setattr(fw_config, "FWORKER_LOC", str(path))
    with pytest.raises(MissingDependencyError, match="there is no program 'vasp_std;"):
        get_engine("vasp", tmp_path, Setup("label"))


@pytest.mark.parametrize("name", ["vasp_cmd", "vasp_gamma_cmd"])
@pytest.mark.parametrize("command", ["touch {}", "sh -c 'touch {}'", ["touch", "{}"], "$TOUCH {}"])
def test_a_workflow_starts_no_program_of_its_own(
    name, command, marker, archive, make_frame, vasp, quick_maker, run_flow, monkeypatch
):
    """Through the Maker, the job and the database, as a flow of somebody else comes."""
    monkeypatch.setenv("TOUCH", "touch")
    frame = make_frame()
    archive.put(frame)
    words = [word.format(marker) for word in command] if isinstance(command, list) else None
    quick_maker.run_vasp_kwargs[name] = words or command.format(marker)
    maker = LabelMaker(recipe=Recipe(engine="vasp"), calculation=quick_maker)
    with pytest.raises(InputError, match="this worker does not allow"):
        run_flow(maker.make([frame.id], 1, "Cu", "cold"))
    assert archive.database["labels"].count_documents({}) == 0


def test_a_workflow_leads_custodian_to_no_other_file(marker, tmp_path, copper, vasp, quick_maker):
    quick_maker.run_vasp_kwargs["vasp_job_kwargs"] = {"output_file": str(marker)}
    with pytest.raises(InputError, match="cannot hold 'output_file'"):
        run_in(tmp_path / "run", quick_maker, copper)


@pytest.fixture
def secrets(monkeypatch):
    """An environment with secrets, and with what schedulers need."""
    for name, value in {
        "TM23_MONGO_URI": f"mongodb://me:{SECRET}@127.0.0.1:1/",
        "MP_API_KEY": SECRET,
        "OTHER_PLACE": f"mongodb://me:{SECRET}@127.0.0.1:1/",
        "A_NOTE": f"it is {SECRET}",
        "FW_CONFIG_FILE": "/x",
        "SLURM_JOB_ID": "77",
        "PMI_KEY": "78",
    }.items():
        monkeypatch.setenv(name, value)


def test_vasp_gets_no_password(secrets, tmp_path, copper, vasp, quick_maker, monkeypatch):
    program = tmp_path / "vasp_std"
    program.write_text(f"#!/bin/sh\nenv > environment\nexec {vasp['TM23_VASP_CMD']}\n")
    program.chmod(0o755)
    monkeypatch.setenv("TM23_VASP_CMD", str(program))
    monkeypatch.setenv("TM23_VASP_GAMMA_CMD", "no-such-program")
    report = run_in(tmp_path / "run", quick_maker, copper)
    assert report.error is None
    assert report.binary == "vasp_std"
    told = (tmp_path / "run/environment").read_text()
    assert SECRET not in told
    assert not [line for line in told.splitlines() if line.startswith(("TM23_", "FW_"))]
    assert {"SLURM_JOB_ID=77", "PMI_KEY=78"} < set(told.splitlines())
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in everything if SECRET.encode() in text]


def test_a_trainer_gets_no_password(secrets, tmp_path):
    script = tmp_path / "told_worker.py"
    script.write_text(
        "import json, os, sys\n"
        "request = json.load(open(sys.argv[1]))\n"
        "json.dump(dict(os.environ), open(request['result'], 'w'))\n"
    )
    worker = Worker("A library", str(script), "trainer_python_flare", "install it")
    told = run_worker(worker, "train", {}, tmp_path / "work")
    assert SECRET not in str(told)
    assert told["SLURM_JOB_ID"] == "77"


def names_in(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            yield "shell"


@pytest.mark.parametrize(
    "source",
    ["import os\nos.system('x')", "from os import popen", "run(x, shell=flag)", "a.getoutput(x)"],
)
def test_a_shell_is_seen(source):
    assert {*SHELLS, "shell"} & set(names_in(source))


def test_no_shell_and_no_variables_of_texts_from_elsewhere(modules_with):
    for place, text in modules_with(*SHELLS, *VARIABLES, "shell").items():
        names = set(names_in(text))
        assert not names & {*SHELLS, "shell"}, place
        assert not names & VARIABLES or place in OF_THIS_MACHINE, place


def test_the_first_word_is_a_program_and_not_a_line(tmp_path, marker):
    """What Popen does with such a word: the rule above rests on it."""
    with pytest.raises(FileNotFoundError):
        subprocess.Popen([f"true; touch {marker}"])
