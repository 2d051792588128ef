"""Lower floors of the package do not import higher ones, not even inside a function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "tm23flows"

GROUND = {"disk", "errors", "log", "private", "process_group", "settings", "stopping", "_version"}
"""Modules of the ground floor: anything may import them, and they import only each other."""

DATA = {"documents", "science"}
BACKENDS = {"store", "engines", "trainers"}
EVERYTHING = {*DATA, *BACKENDS, "jobs", "flows", "report", "ops", "cli", "__main__"}

MAY_IMPORT = {
    "science": set(),
    "documents": {"science"},
    "store": DATA,
    "engines": DATA,
    "trainers": DATA,
    "jobs": DATA | BACKENDS,
    "flows": DATA | BACKENDS | {"jobs"},
    "report": DATA | {"store"},
    "ops": DATA | {"store", "engines"},
    "cli": EVERYTHING,
    "__main__": EVERYTHING,
    "testing": EVERYTHING,
}
"""Shelves that each shelf may import besides itself and the ground floor."""

PUBLIC_NAMES = {"Archive": "store", "__version__": "_version"}
"""Where the names come from that the package offers at its top."""


def module_parts(path):
    """Name of the module of a file below the package, as parts: ``("store", "query")``."""
    parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def shelf_of(dotted):
    """Shelf of an absolute dotted name, or None when it is not of this package."""
    top, _, rest = dotted.partition(".")
    return (rest.partition(".")[0] or "") if top == PACKAGE else None


def targets_of_from_import(node, package_parts):
    if node.level:
        base = package_parts[: len(package_parts) - node.level + 1]
        dotted = ".".join((PACKAGE, *base, *([node.module] if node.module else [])))
    else:
        dotted = node.module or ""
    if dotted == PACKAGE:
        return [f"{PACKAGE}.{PUBLIC_NAMES.get(alias.name, alias.name)}" for alias in node.names]
    return [dotted]


def imported_names(tree, package_parts):
    """Yield (line, dotted name) of every import, also of import_module with a literal name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name) for name in targets_of_from_import(node, package_parts))
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in {"import_module", "__import__"}:
                yield node.lineno, str(node.args[0].value)


def violations(source, parts, *, is_package=False):
    """List (line, sentence) of the imports that a module with this name must not have."""
    here = parts[0] if parts else ""
    package_parts = parts if is_package else parts[:-1]
    allowed = GROUND | (set() if here in GROUND else {here} | MAY_IMPORT.get(here, set()))
    found = []
    for line, name in imported_names(ast.parse(source), package_parts):
        shelf = shelf_of(name)
        if shelf is not None and shelf not in allowed:
            found.append((line, f"{here} must not import {shelf or 'the package itself'} ({name})"))
    return found


def source_files():
    # The top of the package is its public face and loads names from the store on first use.
    return [p for p in sorted((ROOT / PACKAGE).rglob("*.py")) if module_parts(p)]


def test_every_shelf_has_a_floor():
    shelves = {module_parts(path)[0] for path in source_files()}
    assert not shelves - set(MAY_IMPORT) - GROUND, "give the new shelf its floor in MAY_IMPORT"


def test_no_module_imports_a_higher_floor():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {sentence}"
        for path in source_files()
        for line, sentence in violations(
            path.read_text(), module_parts(path), is_package=path.name == "__init__.py"
        )
    ]
    assert not found, "imports against the floors:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("parts", "source"),
    [
        (("science", "cells"), "from tm23flows.documents import frame"),
        (("science", "cells"), "def f():\n    import tm23flows.store.archive"),
        (("documents", "frame"), "from tm23flows.store.archive import Archive"),
        (("store", "query"), "from ..engines import base"),
        (("engines", "vasp", "run"), "from ...trainers.base import Trainer"),
        (("trainers", "nequip"), "from tm23flows import Archive"),
        (("jobs", "label"), "from tm23flows.flows import label"),
        (("flows", "tm23"), "from tm23flows.cli import main"),
        (("report", "tables"), "from tm23flows.engines import base"),
        (("ops", "doctor"), "from tm23flows.trainers import base"),
        (("cli", "main"), "from tm23flows.testing import faults"),
        (("errors",), "from tm23flows.science import metals"),
        (("settings",), "import importlib\nimportlib.import_module('tm23flows.store')"),
        (("store", "query"), "import tm23flows"),
    ],
)
def test_an_import_of_a_higher_floor_is_seen(parts, source):
    assert violations(source, parts)


@pytest.mark.parametrize(
    ("parts", "source"),
    [
        (("science", "cells"), "import numpy\nfrom tm23flows.errors import InputError"),
        (("documents", "frame"), "from tm23flows.science.metals import metal"),
        (("documents", "frame"), "from . import ids\nfrom .ids import content_id"),
        (("engines", "vasp", "run"), "from ..base import Engine"),
        (("jobs", "label"), "from tm23flows.engines import base\nfrom tm23flows import Archive"),
        (("testing", "vasp"), "from tm23flows.engines.base import Engine"),
        (("cli", "main"), "from tm23flows import __version__"),
    ],
)
def test_an_import_of_a_lower_floor_is_allowed(parts, source):
    assert not violations(source, parts)
