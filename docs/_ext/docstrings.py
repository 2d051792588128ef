"""Docstrings of this project for Sphinx.

Owns three rules. What a function returns is a sentence, because its type is in the signature, and
napoleon would take the first words for a type. It would do so with a constant or a property
whose first sentence has a colon, too. A field of a document says what it is, and in which
unit, in its ``description``. A type in a signature is that name and no other: Sphinx would
take ``bytes`` for any attribute that is called so.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sphinx.addnodes import pending_xref
from sphinx.ext.napoleon.docstring import NumpyDocstring
from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx

OF_PYDANTIC = {"model_config", "model_fields", "model_computed_fields", "model_post_init"}


class ProseDocstring(NumpyDocstring):
    """A numpy docstring whose ``Returns`` and ``Yields`` are sentences without a type."""

    def _parse_returns_section(self, section: str) -> list[str]:  # noqa: ARG002
        return self._format_block(":returns: ", self._dedent(self._consume_to_next_section()))

    def _consume_inline_attribute(self) -> tuple[str, list[str]]:
        return "", type(self)(self._dedent(self._consume_to_end()), self._config).lines()

    def _parse_yields_section(self, section: str) -> list[str]:  # noqa: ARG002
        return self._format_block(":Yields: ", self._dedent(self._consume_to_next_section()))


def describe_fields(app: Sphinx) -> None:  # noqa: ARG001
    """Let Sphinx find the descriptions of fields where it looks for docstrings of attributes."""
    modules = [module for name, module in sys.modules.items() if name.startswith("tm23flows.")]
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                describe_fields_of(kind, module.__name__)


def describe_fields_of(kind: type[BaseModel], module: str) -> None:
    """Tell of the fields of one class, if this is the module that it is written in."""
    if kind.__module__ != module:
        return
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    for name in inspect.get_annotations(kind):
        field = kind.model_fields.get(name)
        if field and field.description:
            plain = field.description.replace("|", r"\|")  # lengths, not substitutions
            analyzer.attr_docs.setdefault((kind.__qualname__, name), [plain, ""])


def process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place into what Sphinx reads."""
    lines[:] = ProseDocstring(lines, app.config, app, what, name, obj, options).lines()


def skip(app: Sphinx, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:  # noqa: ARG001
    """Leave out what pydantic puts into every class."""
    return True if name in OF_PYDANTIC else None


def take_types_as_they_are(app: Sphinx, doctree: document) -> None:  # noqa: ARG001
    """Let Sphinx look for the names in signatures exactly, and not for names that end so."""
    for node in list(doctree.findall(pending_xref)):
        if node.get("refspecific") is False:
            del node["refspecific"]
            if hasattr(builtins, node["reftarget"]):
                node.replace_self(node.children)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx about this extension, which napoleon's settings are for."""
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("builder-inited", describe_fields, priority=900)  # when all is imported
    app.connect("autodoc-process-docstring", process, priority=400)
    app.connect("autodoc-skip-member", skip)
    app.connect("doctree-read", take_types_as_they_are)
    return {"parallel_read_safe": True}
