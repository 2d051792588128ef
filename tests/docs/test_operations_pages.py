"""docs/operations/ says what the program says: its errors, states and steps, and no others."""

import ast
import importlib.util
import inspect
import re
from pathlib import Path
from typing import get_args

import pytest
from fireworks import Firework
from page_words import (
    DIFFERS,
    ROOT,
    commands,
    first_words,
    is_said,
    page,
    sentences,
    spans,
    table,
    tables,
    wrong_with,
)

from tm23flows import errors
from tm23flows.ops.failures import ERROR_CLASSES
from tm23flows.ops.fireworks_config import FIREWORKS_SETTINGS
from tm23flows.ops.status.frames import OTHER, REASONS, reason_code
from tm23flows.ops.status.jobs import WORDS
from tm23flows.settings import TM23Settings
from tm23flows.store import claims, trainings

PAGES = sorted(path.stem for path in (ROOT / "docs" / "operations").glob("*.md"))
ERRORS = page("operations/errors")
OURS = {
    name for name, one in vars(errors).items()
    if isinstance(one, type) and issubclass(one, errors.TM23Error)
}  # fmt: skip

ELSEWHERE = {
    "custodian": ["vasp/handlers.py"],
    "fireworks": ["core", "queue"],
    "gpaw": ["__init__.py", "new/scf.py", "setup_data.py"],
    "jobflow": ["core"],
    "pymongo": ["errors.py"],
    "torch": ["cuda/__init__.py"],
}
"""Where other programs have the words that the page quotes."""


def section(head):
    """Text of a part of the page of errors."""
    (found,) = re.findall(rf"^#+ {head}\n(.*?)(?=^#|\Z)", ERRORS, re.MULTILINE | re.DOTALL)
    return found


def messages(text):
    """Messages of ours that a page quotes."""
    for head, rows in tables(text):
        if "it says" in head:
            yield from (one for row in rows for one in spans(row[head.index("it says")]))


def texts_of(program):
    home = Path(importlib.util.find_spec(program).origin).parent
    for name in ELSEWHERE[program]:
        place = home / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        yield from (path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_options_are_there(name):
    found = commands(page(f"operations/{name}"))
    assert [(one, wrong_with(one)) for one in found if wrong_with(one)] == []


def test_a_command_that_is_not_there_is_seen():
    said = (
        "    tm23 status --metal Cu && tm23 stauts\n\n`tm23 db start --prot 0` (`tm23 build Cu`)\n"
    )
    found = commands(said)
    assert len(found) == 4
    wrong = [wrong_with(one) for one in found]
    assert wrong == [None, "there is no command 'stauts'", "there is no option --prot", None]
    assert wrong_with(["tm23", "build", "study", "smearing", "--metals", "Cu"]) is None


def test_every_error_has_its_part_and_no_other_has():
    parts = re.findall(r"^### (\w+)$", ERRORS, re.MULTILINE)
    assert len(parts) == len(set(parts))
    assert set(parts) == OURS
    assert {one.exit_code for one in map(vars(errors).get, OURS)} == {2}


def test_every_class_of_failed_jobs_is_there_and_no_other():
    rows = table(ERRORS, "class")
    assert first_words(rows) == list(ERROR_CLASSES)
    named = {word for row in rows for word in spans(row[1]) if word.endswith("Error")}
    # the base, and what is of many classes
    assert named & OURS == OURS - {"TM23Error", "DatabaseError"}


def test_every_code_of_a_rejected_label_is_there_with_words_that_get_it():
    rows = table(ERRORS, "code")
    assert first_words(rows) == [*REASONS, OTHER]
    for row in rows:
        (code,) = spans(row[0])
        for words in spans(row[1]):
            assert reason_code(words.replace(DIFFERS, "17")) == code, words


def reasons_of_trainings():
    """What trainers call the end of a worker: the kinds that they raise, and those of errors.py."""
    found = set(re.search(r"``(.+)``", inspect.getdoc(errors.TrainingError))[1].split("``"))
    for path in (ROOT / "tm23flows" / "trainers" / "workers").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RequestError":
                found.add(node.args[0].value)
    return {one for one in found if re.fullmatch(r"\w+", one) and one != "or"}


def test_every_reason_of_failed_trainings_is_there_and_no_other():
    listed = [first_words(rows) for head, rows in tables(ERRORS) if head[0] == "reason"]
    assert len(listed) == 2
    assert {word for one in listed for word in one} == reasons_of_trainings()
    documented = set(re.findall(r"``(\w+)``", inspect.getdoc(errors.TrainingError)))
    assert set(listed[0]) == documented


@pytest.mark.parametrize("name", PAGES)
def test_messages_are_words_of_the_program(name):
    strange = [one for one in messages(page(f"operations/{name}")) if not is_said(one, sentences())]
    assert strange == []


def test_a_message_that_nobody_says_is_seen():
    assert is_said("The database at … does not answer", sentences())
    assert not is_said("The database at … is not amused", sentences())


def test_errors_of_ours_with_a_message_have_one_in_their_part():
    for name in OURS:
        assert list(messages(section(name))), name


@pytest.mark.parametrize("program", ELSEWHERE)
def test_words_of_other_programs_are_theirs(program):
    if importlib.util.find_spec(program) is None:
        pytest.skip(f"{program} is not installed")
    quoted = first_words(table(ERRORS, f"{program} says"))
    assert quoted
    texts = list(texts_of(program))
    assert [one for one in quoted if not is_said(one, texts)] == []


def test_every_program_that_is_quoted_is_looked_up():
    heads = [head[0] for head, _ in tables(ERRORS)]
    quoted = {word for one in heads for word in re.findall(r"^(\w+) says$", one)} - {"it"}
    assert quoted == set(ELSEWHERE)


def test_exit_codes_are_those_of_the_program():
    said = "ends with 2. It ends with 1"
    assert said in " ".join(ERRORS.split())
    assert errors.TM23Error.exit_code == 2
    assert "sys.exit(130)" in (ROOT / "tm23flows/cli/main.py").read_text()


def test_every_state_has_its_row_and_no_other_has():
    text = page("operations/states")
    rows = table(text, "FireWorks")
    assert {spans(row[0])[0]: row[1] for row in rows} == {**WORDS, "ARCHIVED": "(not counted)"}
    assert set(first_words(rows)) == set(Firework.STATE_RANKS)
    of_claims, of_trainings = [
        first_words(found) for head, found in tables(text) if head[0] == "state"
    ]
    assert set(of_claims) == set(get_args(claims.State))
    assert set(of_trainings) == set(get_args(trainings.State))


def test_times_are_those_of_the_settings():
    text = page("operations/states")
    lease_s, patience_s = (
        TM23Settings.model_fields[one].default for one in ("lease_s", "database_patience_s")
    )
    assert (
        f"`TM23_LEASE_S` ({lease_s:.0f} s) by the clock of the database, and {claims.GRACE_S:.0f} s"
        in text
    )
    assert f"`TM23_DATABASE_PATIENCE_S` ({patience_s:.0f} s)" in text
    ping_s, lost_s = (FIREWORKS_SETTINGS[one] for one in ("PING_TIME_SECS", "RUN_EXPIRATION_SECS"))
    assert f"every {ping_s} s, lost after {lost_s} s" in text
