"""ruff has nothing to say: rules and format are those of ruff.toml."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("words", [("check",), ("format", "--check")])
def test_rules_and_format(words):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
