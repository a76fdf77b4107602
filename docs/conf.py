"""How the documentation is built by Sphinx; reads no code of the hub and needs no network."""

project = "MediaNest Hub"
copyright = "The MediaNest Hub authors, Apache-2.0"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["plan.md"]

html_theme = "furo"
html_title = "MediaNest Hub"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
