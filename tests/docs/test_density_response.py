"""The page on the density response says what the code gives, and its figures show it."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPT = DOCS / "figures" / "density_response.py"
PAGE = (DOCS / "science" / "density_response.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("density_response_figures", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown_in(path):
    """The numbers that a figure keeps of what it shows."""
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    return json.loads(root.findtext("{http://www.w3.org/2000/svg}desc"))


def test_the_numbers_on_the_page(script):
    text = " ".join(PAGE.split())
    expected = list(script.lines())
    missing = [line for line in expected if " ".join(line.split()) not in text]
    assert not missing
    # Every row of numbers on the page is one of these.
    rows = [line for line in PAGE.splitlines() if re.match(r"\| ([\d.]+|[IVX]+|\w to \w) \|", line)]
    assert len(rows) > 15
    assert set(rows) <= set(expected)


def test_the_figures_are_those_of_the_code(script, tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    linked = re.findall(r"\]\(\.\./figures/(\S+)\)", PAGE)
    assert sorted(linked) == sorted(path.name for path in tmp_path.iterdir())
    expected = script.data()
    for name in linked:
        fresh, kept = shown_in(tmp_path / name), shown_in(DOCS / "figures" / name)
        for key, values in expected[name.removeprefix("density_response_")[:-4]].items():
            for one in (fresh, kept):
                if isinstance(values, dict):
                    assert one[key] == values
                else:
                    assert one[key] == pytest.approx(values, rel=1e-6, abs=1e-9)


def test_the_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    *statements, expression = code.strip().splitlines()
    names = {}
    exec("\n".join(statements), names)
    strengths = eval(expression, names)
    assert len(strengths) == 5
    assert strengths[4] > 0


def test_the_words_of_the_comparison(script):
    """What the page says of the numbers, not only the numbers."""
    one = script.by_group(1.0)
    assert one[6].estimate == max(row.estimate for row in one.values())
    means = {
        group: [
            script.FIG_2_PERCENT[s]
            for s, g in script.data()["metals"]["fig_2"].items()
            if g == group
        ]
        for group in range(4, 9)
    }
    averages = {group: sum(values) / len(values) for group, values in means.items()}
    assert min(averages, key=averages.get) == 6
