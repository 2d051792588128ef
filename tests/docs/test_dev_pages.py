"""docs/dev/ names what there is: files, tests, fixtures, marks; and its examples are tests that pass."""

import configparser
import inspect
import re
import sys
from functools import cache

import pytest
import yaml
from page_words import ROOT, commands, first_words, page, spans, table, tables, wrong_with

from tm23flows import __version__
from tm23flows.testing.faults import Fault
from tm23flows.testing.vasp_simulator import faults as simulated

PAGES = sorted(path.stem for path in (ROOT / "docs" / "dev").glob("*.md"))
OURS = ("tests", "releases", "adding")
TESTS = page("dev/tests")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TESTS, re.MULTILINE | re.DOTALL)
A_FILE = re.compile(r"[\w./-]+\.(py|md|json|yaml|cfg|toml|txt|sh|cff)|[\w-]+(/[\w-]+)*/|Makefile")
FOLDERS = ("", "tm23flows/", "tests/", "docs/")
IN_A_SENTENCE = {
    "~/.tm23flows.yaml", "tests/a/test_b.py", "tm23flows/a/b.py", "conftest.py", "my_metal.py",
}  # fmt: skip


@cache
def names_of_tests():
    found = (re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE)
             for path in (ROOT / "tests").rglob("test_*.py"))  # fmt: skip
    return {name for names in found for name in names}


def files_of(text):
    """Files and folders between backticks; NOUN and its like stand for a name."""
    for word in spans(text):
        if A_FILE.fullmatch(word) and word not in IN_A_SENTENCE and not word.startswith("/"):
            yield word


def is_there(word):
    pattern = re.sub(r"[A-Z]{3,}(?=[_./]|$)", "*", word) if "Makefile" not in word else word
    pattern = pattern.replace("LICENSE", "*")
    return any(next(ROOT.glob(folder + pattern.rstrip("/")), None) for folder in FOLDERS)


@pytest.mark.parametrize("name", OURS)
def test_files_are_there(name):
    assert [one for one in files_of(page(f"dev/{name}")) if not is_there(one)] == []


def test_a_file_that_is_not_there_is_seen():
    assert list(files_of("`store/claims.py` `tests/faults/` `store/gone.py` `a word`")) == [
        "store/claims.py", "tests/faults/", "store/gone.py",
    ]  # fmt: skip
    assert is_there("store/claims.py")
    assert is_there("documents/NOUN.py")
    assert not is_there("store/gone.py")


@pytest.mark.parametrize("name", [f"dev/{one}" for one in OURS] + ["operations/recovery"])
def test_tests_that_are_named_are_there(name):
    named = {one.rpartition("::")[2] for one in spans(page(name)) if "test_" in one}
    named = {one for one in named if re.fullmatch(r"test_\w+", one)}
    assert named - names_of_tests() == set()


@pytest.mark.parametrize("name", OURS)
def test_commands_are_there(name):
    assert [
        (one, wrong_with(one)) for one in commands(page(f"dev/{name}")) if wrong_with(one)
    ] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_are_tests_that_pass(text, request, monkeypatch, tmp_path):
    for folder in ("tests/faults", "tests/engines/vasp"):
        monkeypatch.setattr(sys, "path", [str(ROOT / folder), *sys.path])
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(text, "docs/dev/tests.md", "exec"), names)
    (test,) = [one for name, one in names.items() if name.startswith("test_")]
    test(*map(request.getfixturevalue, inspect.signature(test).parameters))


def test_every_mark_is_there_and_no_other():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    marks = {line.partition(":")[0] for line in setup["tool:pytest"]["markers"].split("\n") if line}
    assert set(first_words(table(TESTS, "mark"))) == marks


def test_every_fixture_that_is_named_is_one():
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("conftest.py"))
    known = set(re.findall(r"@pytest\.fixture.*?\n(?:@.*\n)*def (\w+)", text))
    named = first_words(table(TESTS, "fixture"))
    assert {one for one in named if one not in known} == set()
    assert {"archive", "emt_archive", "emt_copy", "vasp", "faults", "plant", "tm23"} <= set(named)


def test_what_faults_do_is_what_can_be_done():
    kinds = {word for one in spans(TESTS) for word in [one.partition(":")[0]]}
    (do,) = [field for name, field in Fault.model_fields.items() if name == "do"]
    assert set(do.annotation.__args__) <= kinds
    said = set(
        re.findall(r"``([a-z_]+)(?::\S+)?``", inspect.getdoc(simulated).partition("- ``and``")[0])
    )
    assert said - {"do"} <= kinds
    assert len(said) > 10


def test_the_contributor_is_led_to_pages_that_are_there():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text()
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert link.startswith("http") or (ROOT / link).exists(), f"{name}: {link}"


def test_the_readme_is_read_in_two_minutes():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 120
    assert re.search(r"^ {4}make demo\b", text, re.MULTILINE)
    assert re.search(r"^ {4}make test\b", text, re.MULTILINE)
    assert [one for one in commands(text) if wrong_with(one)] == []
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    whole = (ROOT / "docs" / "howto" / "demo.md").read_text()
    lines = [one.rstrip() for one in shown.splitlines() if one.strip("├─└│ .") and one != "..."]
    assert [one for one in lines if one not in whole] == [], "numbers of the README are the demo's"


def test_the_version_is_the_same_wherever_it_stands():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == __version__
    first = re.search(r"^## (\S+) - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert first == __version__


def test_each_kind_of_thing_has_its_files_in_order_and_a_test():
    text = page("dev/adding")
    parts = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(parts) >= 11
    for kind, part in parts:
        (rows,) = [rows for head, rows in tables(part) if head[1:] == ["file", "what"]]
        assert [row[0] for row in rows] == [str(n + 1) for n in range(len(rows))], kind
        forgotten = part.partition("*Forgotten?*")[2]
        assert any(one.startswith("tests/") for one in spans(forgotten)), kind
