"""How Sphinx builds the manual: ``make docs``."""

import sys
from pathlib import Path

from tm23flows import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "tm23flows"
author = "the tm23flows authors"
release = __version__
version = ".".join(__version__.split(".")[:2])

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",
    "generated",
    "mathematics",
]

exclude_patterns = ["_build", "_ext", "figures"]
smartquotes = False  # an option stays --option
nitpicky = True
# Names of other projects are looked up nowhere, so that the manual is built without a network.
# Functions that pydantic calls on a field's value stand in its type.
nitpick_ignore_regex = [
    ("py:.*", r"(?!tm23flows\.).*"),
    ("py:class", r"tm23flows\..*\._\w+"),
    ("py:class", r"tm23flows\.documents\.arrays\.encode_array"),
]

autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
add_module_names = False
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_google_docstring = False
napoleon_numpy_docstring = False  # see docstrings.py
napoleon_attr_annotations = False  # types are in the signature
python_display_short_literal_types = True
python_maximum_signature_line_length = 88
toc_object_entries = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "tm23flows"
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_show_copyright = False  # the licence is in the repository
html_copy_source = False
