"""Collect what this environment can run: the installed packages, and the samples in the docs.

An extension that is not installed takes its tests out of the collection, so a row of the matrix
runs without it and without a skip; tests/workspace/test_installed.py asserts that a row has what
its name says, so nothing disappears unnoticed.
"""

import os
from importlib.metadata import distributions
from pathlib import Path

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

ROOT = Path(__file__).parent
INSTALLED = {dist.name for dist in distributions()}
EXTENSIONS = {f"cruse-{p.name.split('-')[1]}": p for p in ROOT.glob("packages/*-*")}
COMPLETE = EXTENSIONS.keys() <= INSTALLED

if "hypothesis" in INSTALLED:
    from hypothesis import HealthCheck, settings

    # The same examples each time, so that what passed here passes there, and no clock: a machine
    # with other work is no fault. `--hypothesis-profile search` looks for new ones.
    steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("steady", steady, derandomize=True)
    settings.register_profile("search", steady, derandomize=False)
    settings.load_profile("steady")

# These need a browser, database servers, the package index, type checkers or Flask's extensions,
# and run when named on the command line: `python dev.py test-machine`, `python dev.py test-build`,
# `python dev.py check`, `python dev.py test-flask`.
collect_ignore = ["docs/conf.py", "tests/machine", "tests/packaging", "tests/typing"]
# In the process of these, "flask" is Cruse: others start them.
collect_ignore += [
    "tests/flask_ecosystem",
    "packages/compat-flask/tests/inside",
    "tests/ported/journal",
]
collect_ignore += [str(path) for name, path in EXTENSIONS.items() if name not in INSTALLED]
# The rows of the matrix that are not complete try what a package needs, those with the lowest
# dependencies try our own floors. Servers, programs made of everything, the comparison with Flask
# and the look for leaks take more time than all the rest: they run where everything is there and
# new.
if os.environ.get("CRUSE_DEPS") == "lowest" or not COMPLETE:
    collect_ignore += ["tests/servers", "tests/e2e", "tests/differential", "tests/ported"]
    collect_ignore.append("tests/security/test_leaks.py")
if "Flask" not in INSTALLED:  # the rows "core" and "all" of the matrix have it
    # These try other frameworks and another template engine, which the same rows have.
    collect_ignore += [
        f"packages/framework/tests/test_{name}.py" for name in ("mounts", "engines")
    ]
# The same rows have the libraries that compress responses.
if not {"brotli", "backports.zstd"} <= INSTALLED:
    collect_ignore.append("packages/framework/tests/test_compression.py")
# Counting attempts is an extra of cruse-auth, without which no device is connected.
if "limits" not in INSTALLED:
    collect_ignore.append("packages/ext-auth/tests/test_server_device.py")
# `python dev.py test` has the checker of WSGI, the complete rows of the matrix that of ASGI, which
# needs Python 3.12.
collect_ignore += [
    f"tests/conformance/test_{face}.py"
    for face, checker in (("wsgi", "WebTest"), ("asgi", "asgion"))
    if checker not in INSTALLED
]
if not COMPLETE:
    # What is named on the command line is collected all the same, so the folders below it are.
    collect_ignore += map(str, ROOT.glob("examples/*"))

# A pattern is matched from the right and "**" stands for one folder, so every depth is named; and
# one parser has all patterns of a kind, for two that match the same file would run it twice.
SOURCES = [f"packages/*/src/{'*/' * depth}*.py" for depth in (1, 2, 3)]
PAGES = ["README.md", *(["docs/*.md", "docs/*/*.md"] if COMPLETE else [])]

docstrings = Sybil(
    parsers=[DocTestParser()],
    patterns=SOURCES,
    document_types={".py": PythonDocStringDocument},
)
pages = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()], patterns=PAGES)
pytest_collect_file = (docstrings + pages).pytest()
