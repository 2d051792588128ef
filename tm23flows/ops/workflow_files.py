"""Workflows as files for ``lpad add``: written whole or not at all, and fast.

Owns how the text is made. FireWorks' own writer makes YAML in pure Python; libyaml makes the same
bytes in a fraction of the time, which counts where the whole of TM23 is written.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from fireworks import Workflow

_NUMBER = re.compile(r"^(?:0o[0-7]+|[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?)$")
"""What is a number in YAML 1.2, which FireWorks reads; some of it is text in YAML 1.1."""


def write_workflow_file(workflow: Workflow, path: Path) -> int:
    """Write a workflow for ``lpad add``.

    Parameters
    ----------
    workflow
        FireWorks' workflow.
    path
        File to write; JSON if its name ends with ``.json``, which ``lpad add`` reads several
        times faster, else YAML. It is complete or not there.

    Returns
    -------
    Its bytes.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    from fireworks.utilities.fw_serializers import DATETIME_HANDLER

    if path.suffix == ".json":
        text = json.dumps(workflow.to_dict(), default=DATETIME_HANDLER)
    else:
        text = _yaml(workflow.to_dict())
    data = text.encode()
    write_whole(path, data)
    return len(data)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that is complete or not there.

    Parameters
    ----------
    path
        The file.
    data
        Its bytes.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            f"{path} cannot be written ({error.strerror}); choose another file."
        ) from error


def _yaml(content: dict[str, Any]) -> str:
    import yaml

    return yaml.dump(content, Dumper=_dumper(), allow_unicode=True, default_flow_style=False)


@cache
def _dumper() -> type:
    """Return libyaml's writer, or that of PyYAML where it was built without; both quote for 1.2."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):
        """As its parent, with resolvers of its own."""

    Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
    return Dumper
