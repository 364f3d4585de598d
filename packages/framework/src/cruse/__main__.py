"""``python -m cruse`` is the ``cruse`` command."""

from cruse.cli import main

main()
