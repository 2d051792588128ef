"""Runs a page of the manual as its reader does: in one shell, one interpreter and one folder.

Owns the folder, the shell and what a page leaves running. A page has a home of its own, so the
database that it starts is nobody else's, and its port is any free one.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from page_blocks import Block, PageError, page_blocks

PATIENCE_S = 800.0
END_PATIENCE_S = 15.0
LAST_WORDS = 4000
ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = Path(__file__).with_name("page_interpreter.py")

SHELL = """\
set -Eeuo pipefail
trap 'if [ -n "${page_block-}" ]; then echo "$LINENO" > "$page_block.line"; fi' ERR
"""
BASH = "page_block={script}; . {script} < /dev/null >> {log} 2>&1 {answers}>&-; page_block=; echo 0 >&{answers}\n"
START_PYTHON = "coproc PAGE_PYTHON {{ exec python {interpreter} 2>> {log} {answers}>&-; }}\n"
PYTHON = (
    "printf '%s\\t%s\\n' {script} {log} >&${{PAGE_PYTHON[1]}}; "
    "read -r page_answer <&${{PAGE_PYTHON[0]}}; echo $page_answer >&{answers}\n"
)
FILE = "mkdir -p $(dirname {name}); cp {script} {name}; echo 0 >&{answers}\n"


def run_page(
    page: Path, folder: Path, patience_s: float = PATIENCE_S, clone: tuple[Path, ...] = ()
) -> str:
    """Run all blocks of a page in their order; return what they said.

    The reader's folder is empty, or a clone of the repository with these files and folders. A block that fails raises PageError with the page, the line and its last words. Processes that
    the page leaves behind are ended.
    """
    blocks = page_blocks(page)
    run = _Run(page, folder, time.monotonic() + patience_s, clone)
    try:
        return "".join(run.block(number, block) for number, block in enumerate(blocks))
    finally:
        run.close()


class _Run:
    """A page under way: its shell, and the files that tell the shell what to do."""

    def __init__(self, page: Path, folder: Path, end: float, clone: tuple[Path, ...]) -> None:
        self.page, self.end = page, end
        self.home, self.scripts, work = (folder / one for one in ("home", "scripts", "work"))
        for one in (self.home, self.scripts, work):
            one.mkdir(parents=True)
        environment = _environment(self.home)
        for one in clone:
            _copy(one, work / one.relative_to(ROOT))
            environment["PYTHONPATH"] = str(work)  # as if it were installed from there
        self.has_python = False
        self.answers, theirs = os.pipe()
        self.theirs = theirs
        self.shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=(self.scripts / "shell.log").open("wb"),
            pass_fds=(theirs,),
            text=True,
        )
        os.close(theirs)
        self._tell(SHELL)

    def block(self, number: int, block: Block) -> str:
        """Run a block, or write its file; return what it said."""
        place = self.scripts / str(number)
        place.mkdir()
        script, log = place / self.page.name, place / "log"
        log.touch()
        # the lines of the script are those of the page, so errors name them
        script.write_text(block.text if block.file else "\n" * (block.line - 1) + block.text)
        words = {"script": script, "log": log, "interpreter": INTERPRETER, "name": block.file}
        quoted = {name: shlex.quote(str(word)) for name, word in words.items()}
        self._tell(self._order(block).format(answers=self.theirs, **quoted))
        failed = self._answer(block, script)
        said = log.read_text(errors="replace")
        if failed:
            said = said or (self.scripts / "shell.log").read_text(errors="replace")
            raise PageError(self.page, failed, f"it failed and said:\n{said[-LAST_WORDS:]}")
        return said

    def _order(self, block: Block) -> str:
        if block.file:
            return FILE
        if block.language == "bash":
            return BASH
        start = "" if self.has_python else START_PYTHON
        self.has_python = True
        return start + PYTHON

    def _tell(self, order: str) -> None:
        try:
            self.shell.stdin.write(order)
            self.shell.stdin.flush()
        except BrokenPipeError:
            raise PageError(self.page, 1, "the shell of the page has ended") from None

    def _answer(self, block: Block, script: Path) -> int:
        """Wait for the end of a block; return the line of the page that failed, or 0."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.answers, selectors.EVENT_READ)
            if not selector.select(max(0.0, self.end - time.monotonic())):
                raise PageError(self.page, block.line, "it takes too long")
        told = os.read(self.answers, 100).decode().strip()
        if told:
            return int(told)
        line = Path(f"{script}.line")  # the shell is gone
        return int(line.read_text()) if line.exists() else block.line

    def close(self) -> None:
        """End the shell and all that still runs with the home of this page."""
        self.shell.stdin.close()
        os.close(self.answers)
        left = [one for one in psutil.process_iter() if _home(one) == str(self.home)]
        for one in left:
            _end(one.terminate)
        _, stubborn = psutil.wait_procs(left, END_PATIENCE_S)
        for one in stubborn:
            _end(one.kill)
        self.shell.wait()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)


def _environment(home: Path) -> dict[str, str]:
    theirs = ("TM23", "FW_", "JOBFLOW", "VASP", "SLURM", "PYTEST")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(theirs)},
        "HOME": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
        "TM23_DB_PORT": "0",
    }


def _home(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("HOME")
    except (psutil.Error, OSError):
        return None


def _end(signal: object) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        signal()
