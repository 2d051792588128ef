"""The examples in the docstrings say what really comes out."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import tm23flows

ROOT = Path(tm23flows.__file__).parent


def modules_with_examples():
    for path in sorted(ROOT.rglob("*.py")):
        if ">>> " in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT.parent).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__")


MODULES = list(modules_with_examples())


def test_there_are_examples():
    assert len(MODULES) >= 35


def makers():
    """Names and docstrings of the Makers of flows."""
    for path in sorted((ROOT / "flows").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith("Maker"):
                yield node.name, ast.get_docstring(node) or ""


def test_every_maker_shows_how_it_is_used():
    known = dict(makers())
    assert len(known) >= 20
    # what the studies of label sets have in common is used through them
    without = {name for name, text in known.items() if ">>> " not in text}
    assert without == {"LabelSetStudyMaker"}


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
