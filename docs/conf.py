"""Settings of the documentation site. Build it with `make docs`.

The sources are the pages of docs/, the README, the CHANGELOG and the reports, which the pages link to by relative paths.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cjsim.version import __version__

project = "cjsim"
version = release = __version__
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/tutorials/*.md",
    "docs/api/*.rst",
    "README.md",
    "CHANGELOG.md",
    "reports/**/report.md",
    "reports/**/*.png",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx_design"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autosummary_generate = True
autodoc_typehints = "none"  # docstrings state types
napoleon_google_docstring = False
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = "cjsim"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {
    "logo": {"text": "cjsim"},
    "navbar_align": "left",
    "show_prev_next": False,
    "footer_start": [],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
