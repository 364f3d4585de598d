"""``import cruse_flask.auto`` is ``cruse_flask.install()``, where only a module can be named.

Such as ``pytest -p cruse_flask.auto``, which comes before pytest's plug-ins that import ``flask``.
"""

from __future__ import annotations

from cruse_flask.finder import install

install()
