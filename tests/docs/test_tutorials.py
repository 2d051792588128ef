"""Every tutorial does what it says: its blocks are run in their order, as a reader runs them.

What it shows is what came out, word by word; numbers differ from machine to machine and are not
compared.
"""

import re
from pathlib import Path

import pytest
from page_runner import run_page

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "tutorials"

TESTED_ELSEWHERE = {
    "your_cluster.md": (
        "tests/slurm/test_cluster_page.py",
        "test_the_commands_of_the_page_on_slurm",
    ),
    "add_a_trainer.md": ("tests/trainers/test_new_trainer_page.py", "test_the_last_block_runs"),
}
"""Pages that need more than a shell, and the tests that run them."""

CLONES = {
    "add_an_engine.md": (
        "tm23flows", "tests/conftest.py", "tests/fixtures", "setup.cfg",
        "pyproject.toml", "ruff.toml",
    ),
    "smearing_study.md": ("examples/tm23-mini/tm23-mini.tm23.tar.xz",),
}  # fmt: skip
"""Pages whose reader works in a clone of the repository, and what of it they need."""

SHOWN = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
NUMBERS = re.compile(r"[\da-f-]{8,}|\S*\d\S*|/home\S*")
WORD = re.compile(r"[^\W\d_]{3,}")

PAGES = sorted(
    path.name for path in FOLDER.glob("*.md") if path.name not in {*TESTED_ELSEWHERE, "index.md"}
)


@pytest.mark.fireworks
@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_tutorial_does_what_it_says(name, tmp_path):
    clone = tuple(ROOT / one for one in CLONES.get(name, ()))
    said = run_page(FOLDER / name, tmp_path, clone=clone)
    assert not not_said((FOLDER / name).read_text(), said)


def not_said(text, said):
    """List the words that a page shows as answers and that no answer has."""
    words = set(WORD.findall(said))
    shown = (NUMBERS.sub(" ", block) for block in SHOWN.findall(text))
    return [word for block in shown for word in WORD.findall(block) if word not in words]


def test_an_answer_that_nobody_gave_is_seen():
    page = "```text\n24 jobs in cu.yaml; done\n...\n4ae53337cf7f\n```\n"
    assert not not_said(page, "7 jobs in cu.yaml; done")
    assert not_said(page, "24 tasks in cu.yaml; done") == ["jobs"]


@pytest.mark.parametrize("name", TESTED_ELSEWHERE)
def test_a_page_that_is_not_run_here_has_a_test_of_its_own(name):
    module, test = TESTED_ELSEWHERE[name]
    text = (ROOT / module).read_text()
    assert name in text
    assert re.search(rf"^def {test}\(", text, re.MULTILINE)
    assert (FOLDER / name).exists()
