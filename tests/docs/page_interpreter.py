"""The interpreter of a page: runs the Python blocks whose files it is told, as one program.

It is started by the shell of the page when the first Python block comes, so it is where a reader
who types ``python`` there would be. Answers one line for each: the line of the page that failed, or 0.
"""

import os
import sys
import traceback
from pathlib import Path


def run(path):
    """Execute a file in the names of this module; return the number of the line that failed."""
    try:
        exec(compile(Path(path).read_text(encoding="utf-8"), path, "exec"), globals())
    except SyntaxError as error:
        traceback.print_exc()
        return error.lineno or 1
    except BaseException as error:  # noqa: BLE001 - whatever ends a block, the page is told
        traceback.print_exc()
        mine = [
            one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == path
        ]
        return mine[-1]
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for order in iter(orders.readline, ""):
        script, log = order.rstrip("\n").split("\t")
        for number in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        failed = run(script)
        sys.stdout.flush()
        sys.stderr.flush()
        answers.write(f"{failed}\n")
