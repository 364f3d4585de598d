"""Sphinx configuration of the handbook; `python dev.py docs` builds it."""

import cruse

project = "Cruse"
author = "The Cruse authors"
copyright = "2026, The Cruse authors"
release = cruse.__version__
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
# Headings get anchors, so that pages can link to sections of each other.
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
# No inventories are fetched (the build works offline), so names of other projects stay plain text.
nitpick_ignore_regex = [(r"py:.*", r"(?!cruse)[A-Za-z_].*")]

html_theme = "furo"
html_title = f"Cruse {release}"
