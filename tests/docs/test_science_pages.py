"""The pages about the science say what the code does: constants, formulas, names of tests."""

import ast
import importlib
import re
from pathlib import Path

import pytest
from page_blocks import page_blocks
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "science"
FLOORS = ("science", "trainers", "flows", "jobs", "engines", "documents")

TESTED_ELSEWHERE = {"density_response.md"}
"""Pages with a test of their own."""

WITHOUT_CODE = {"index.md", "references.md", "tm23_mini.md"}

PAGES = sorted({path.name for path in FOLDER.glob("*.md")} - TESTED_ELSEWHERE)
ROW = re.compile(r"^\| `([a-z_0-9]+(?:\.\w+)+)` \| ([^|]+) \|", re.MULTILINE)
TABLE = re.compile(r"^\| constant \| value \| \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
FILE = re.compile(r"`((?:tm23flows|tests|docs|launchpad|examples)/[\w/.-]+)`")


def text_of(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def look_up(words):
    """Return what ``module.NAME.field`` is in the package; fields of models by their default."""
    name, *rest = words.split(".")
    found = module_of(name)
    for word in rest:
        if isinstance(found, type) and issubclass(found, BaseModel):
            found = found.model_fields[word].default
        else:
            found = getattr(found, word)
    return found


def module_of(name):
    for floor in FLOORS:
        for path in sorted((ROOT / "tm23flows" / floor).rglob(f"{name}.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            return importlib.import_module(".".join(parts))
    raise AssertionError(f"there is no module {name}")


def written(value):
    """Write a constant as the pages do."""
    if isinstance(value, (tuple, list)):
        return ", ".join(map(written, value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.10g}"


ROWS = [
    pytest.param(words, said.strip(), id=f"{name}:{words}")
    for name in PAGES
    for words, said in ROW.findall(text_of(name))
]


@pytest.mark.parametrize(("words", "said"), ROWS)
def test_a_constant_is_the_one_of_the_code(words, said):
    assert said == written(look_up(words))


def test_every_row_of_a_table_of_constants_is_compared():
    tables = [table for name in PAGES for table in TABLE.findall(text_of(name))]
    assert len(tables) > 10
    assert sum(table.count("\n") for table in tables) == len(ROWS) > 70


def test_pages_without_code_are_pages():
    assert WITHOUT_CODE - {"tm23_mini.md"} <= set(PAGES)


@pytest.mark.parametrize("name", [name for name in PAGES if name not in WITHOUT_CODE])
def test_the_examples_hold(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks, names, n_asserts = page_blocks(FOLDER / name), {}, 0
    for block in blocks:
        assert block.language == "python"
        # the lines of the code are those of the page, so errors name them
        tree = ast.parse("\n" * (block.line - 1) + block.text)
        n_asserts += sum(isinstance(node, ast.Assert) for node in ast.walk(tree))
        exec(compile(tree, str(FOLDER / name), "exec"), names)
    assert n_asserts >= len(blocks), "an example shows something"


@pytest.mark.parametrize("name", PAGES)
def test_named_tests_and_files_exist(name):
    text = text_of(name)
    for path, test in TEST.findall(text):
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {test}\(", source, re.MULTILINE), f"{path}::{test}"
    missing = [path for path in FILE.findall(text) if not (ROOT / path).exists()]
    assert not missing
