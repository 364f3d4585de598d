"""Load one program for two frameworks: as it is, and with other import lines.

The program is read where it lies and copied into a folder per framework. In the copy for Cruse,
the lines that import ``flask`` name ``cruse``; nothing else may differ.
"""

import importlib
import re
import shutil
import sys

FLASK_IMPORT = re.compile(r"^(\s*)(from|import) flask\b")


def rewritten(line):
    """Return a line of the program as it is for Cruse."""
    if not FLASK_IMPORT.match(line):
        return line
    line = FLASK_IMPORT.sub(r"\1\2 cruse", line)
    return re.sub(r"\bFlask\b", "Cruse as Flask", line)


def copy_for(framework, source, folder):
    """Copy a program into a folder and let it import the framework; return the folder."""
    shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    if framework == "cruse":
        for file in folder.rglob("*.py"):
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(map(rewritten, lines)))
    return folder


def load(folder, package):
    """Import a package from a folder; return its modules by name, and leave none behind."""
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module(package)
        return {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name == package or name.startswith(f"{package}.")
        }
    finally:
        sys.path.remove(str(folder))
        importlib.invalidate_caches()
