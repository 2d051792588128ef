"""mypy, strict, has nothing to say of science, documents and store."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def mypy(*arguments, folder=ROOT):
    environment = {**os.environ, "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache")}
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "setup.cfg"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_types_of_science_documents_and_store_are_right():
    done = mypy()
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "parameter": "def f(a) -> int:\n    return 1\n",
    "result": "def f(a: int) -> str:\n    return a\n",
    "generic": "def f(a: list) -> int:\n    return 1\n",
    "library": "import nowhere_at_all\n",
}


def test_wrong_types_are_seen(tmp_path):
    for name, source in WRONG.items():
        (tmp_path / f"{name}.py").write_text(source)
    done = mypy(*(f"{name}.py" for name in WRONG), folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    for name in WRONG:
        assert f"{name}.py:1: error" in done.stdout or f"{name}.py:2: error" in done.stdout


def test_the_three_shelves_are_looked_at():
    read = configparser.ConfigParser()
    read.read(ROOT / "setup.cfg")
    shelves = {one.strip() for one in read["mypy"]["files"].split(",")}
    assert shelves == {f"tm23flows/{one}" for one in ("science", "documents", "store")}
    assert read["mypy"].getboolean("strict")
