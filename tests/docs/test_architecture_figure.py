"""The picture of the house is what the rule of its floors says."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "docs" / "figures" / "architecture.py"))
PICTURE = ROOT / "docs" / "figures" / "architecture.svg"


def test_the_picture_is_what_its_script_makes():
    ground, may_use = SCRIPT["rules"](SCRIPT["FLOORS"].read_text(encoding="utf-8"))
    drawn = SCRIPT["draw"](ground, may_use)
    assert PICTURE.read_text(encoding="utf-8") == drawn, "run python docs/figures/architecture.py"


def test_the_rules_are_read_as_the_test_of_the_floors_has_them():
    floors = runpy.run_path(str(SCRIPT["FLOORS"]))
    read = SCRIPT["rules"](SCRIPT["FLOORS"].read_text(encoding="utf-8"))
    assert read == (floors["GROUND"], floors["MAY_IMPORT"])


def test_each_shelf_stands_above_all_that_it_uses():
    may_use = {"roof": {"wall", "cellar"}, "wall": {"cellar"}, "cellar": set()}
    assert SCRIPT["storeys"](may_use) == [["cellar"], ["wall"], ["roof"]]
    with pytest.raises(SystemExit, match="cellar"):
        SCRIPT["storeys"]({"wall": {"cellar"}, "cellar": {"wall"}})
    assert SCRIPT["stands_on"]("roof", may_use) == "stands on wall"


def test_each_shelf_is_in_the_table_of_the_page():
    page = (ROOT / "docs" / "dev" / "architecture.md").read_text(encoding="utf-8")
    _, may_use = SCRIPT["rules"](SCRIPT["FLOORS"].read_text(encoding="utf-8"))
    in_table = set(re.findall(r"^\| `(\w+)/` \|", page, re.MULTILINE))
    assert in_table == set(may_use) - SCRIPT["ONLY_TOP"]
    assert "../figures/architecture.svg" in page
