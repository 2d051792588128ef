"""``python -m tm23flows.testing.vasp_simulator``: install the simulator, or be VASP."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

USAGE = "usage: python -m tm23flows.testing.vasp_simulator install DIR\n"


def main(arguments: list[str]) -> int:
    """Do what the command line says.

    Parameters
    ----------
    arguments
        ``install DIR`` or ``run std|gam``.

    Returns
    -------
    Exit status.
    """
    match arguments:
        case ["install", folder]:
            from tm23flows.testing.vasp_simulator.install import install_simulator

            for name, value in install_simulator(Path(folder)).items():
                sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
            return 0
        case ["run", ("std" | "gam") as build]:
            from tm23flows.testing.vasp_simulator.simulate import simulate

            return simulate(Path.cwd(), build, os.environ, sys.stdout)
    sys.stderr.write(USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
