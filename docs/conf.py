"""How Sphinx builds the site out of these pages: `make docs`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

project = "byoc-infra"
author = "the byoc-infra authors"
extensions = ["myst_parser", "scripts.site_extension"]
exclude_patterns = ["_diagrams"]
nitpicky = True

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header"]  # the reference's sections begin below their page's heading

html_theme = "furo"
html_title = "byoc-infra"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "top_of_page_buttons": [],  # they would lead to the place where the site is edited
}
highlight_language = "none"
