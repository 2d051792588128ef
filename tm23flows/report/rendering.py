"""From a template to a page, and from a page to a file.

Owns what all pages share: figures are embedded, nothing is loaded from anywhere, and all text is
escaped by the template.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tm23flows._version import __version__
from tm23flows.errors import InputError


def render(template: str, **values: Any) -> str:
    """Fill a template in.

    Parameters
    ----------
    template
        Name of its file.
    **values
        What it shows, besides the time and our version.

    Returns
    -------
    HTML.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tm23flows.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(when=when, version=__version__, **values)


def write_pages(pages: dict[Path, str]) -> None:
    """Write pages; each replaces an older one at once when it is complete.

    Parameters
    ----------
    pages
        HTML by file; their folder is made.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    for path, page in pages.items():
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(page, encoding="utf-8")
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise InputError(
                f"The report cannot be written to {path} ({error.strerror}); choose another file."
            ) from error


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
