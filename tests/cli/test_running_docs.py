"""docs/operations/running.md says what really works: its commands and its tables."""

import re
import shlex
from pathlib import Path

from failing_jobs import job, run_all
from fireworks import Workflow

from tm23flows.cli.status import DEFAULT_PORT
from tm23flows.ops.failures import ERROR_CLASSES, PASSING
from tm23flows.ops.rerun import FIELDS
from tm23flows.ops.status.frames import OTHER, REASONS
from tm23flows.ops.status.jobs import WORDS
from tm23flows.ops.tags import STAGES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "operations" / "running.md").read_text()
COMMANDS = re.findall(r"^    (tm23 .+)$", TEXT, re.MULTILINE)


def table(head):
    """First cells of the table whose head begins like this."""
    rows = TEXT.partition(f"| {head} ")[2].partition("\n\n")[0].splitlines()[2:]
    return [word for row in rows for word in re.findall(r"`([\w-]+)`", row.split("|")[1])]


def test_every_command_of_the_page_works(tm23, launchpad, tmp_path):
    error = ("tm23flows.errors.PhysicsError", "there are no bands")
    launchpad.add_wf(Workflow([
        job("Cu labels", *error), job("Ti labels", *error, "Ti"), job("fine"),
        job("Os labels", "pymongo.errors.AutoReconnect", "gone", "Os"),
    ]))  # fmt: skip
    run_all(launchpad, tmp_path)
    assert len(COMMANDS) >= 8
    for command in COMMANDS:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        assert "no failed job is like that" not in ran.out, command
    assert launchpad.get_fw_ids({"state": "FIZZLED"}) == []


def test_the_tables_list_every_word_and_no_other():
    assert set(table("class |")) == set(ERROR_CLASSES)
    assert set(table("code of a rejected label")) == {*REASONS, OTHER}
    assert set(table("it says |")) == set(WORDS.values())
    for word in (*FIELDS, *STAGES):
        assert f"`{word}`" in TEXT


def test_what_passes_by_itself_is_run_again_without_a_change():
    said = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", TEXT, re.MULTILINE))
    assert {name for name in PASSING if said[name].startswith(("yes", "when", "with a"))} == PASSING
    assert not any(said[name].startswith("yes") for name in set(ERROR_CLASSES) - PASSING)


def test_ports_and_names_are_right():
    assert f"127.0.0.1:{DEFAULT_PORT}/" in TEXT
    assert f"-L {DEFAULT_PORT}:127.0.0.1:{DEFAULT_PORT}" in TEXT
