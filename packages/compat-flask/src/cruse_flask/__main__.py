"""``python -m cruse_flask run`` is ``flask run`` on Cruse.

``python -m cruse_flask -m module ...`` runs any other program so: ``-m pytest``, ``-m gunicorn``.
"""

import runpy
import sys

from cruse_flask.cli import cli
from cruse_flask.finder import install

install()
if sys.argv[1:2] == ["-m"] and len(sys.argv) > 2:
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    cli.main(prog_name="python -m cruse_flask")
