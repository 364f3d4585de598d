"""Show the version of the workspace, or set it everywhere: ``python dev.py version 0.2.0``.

The version is written once, as ``__version__`` in the core; every distribution reads it from
there when it is built. What has to be rewritten beside that line are the exact pins between the
distributions.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "packages/framework/src/cruse/__init__.py"

LINE = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)
PIN = re.compile(r'"(?P<name>cruse(?:-[a-z]+)*(?:\[[a-z,]+\])?)==[^"]+"')
# PEP 440 in its usual forms: 1.2.3, 1.2.3a1, 1.2.3rc1, 1.2.3.dev4, 1.2.3.post1
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc|\.dev|\.post)\d+)?")


def current(source: Path = SOURCE) -> str:
    """Return the version that the core declares."""
    found = LINE.findall(source.read_text(encoding="utf-8"))
    if len(found) != 1:
        sys.exit(f'version: {source} needs exactly one line __version__ = "..."')
    return str(found[0])


def set_everywhere(new: str, root: Path = ROOT) -> list[Path]:
    """Write ``new`` into the core and every pin below ``root``; return the files that changed."""
    if not VERSION.fullmatch(new):
        sys.exit(f"version: {new!r} is not a version such as 0.2.0, 1.0.0rc1 or 1.0.0.dev1")
    source = root / SOURCE.relative_to(ROOT)
    changed = []
    for path in (source, *sorted(root.glob("packages/*/pyproject.toml"))):
        old = path.read_text(encoding="utf-8")
        if path == source:
            text = LINE.sub(f'__version__ = "{new}"', old)
        else:
            text = PIN.sub(rf'"\g<name>=={new}"', old)
        if text != old:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def main(args: list[str]) -> int:
    """Print the version, after setting it when one is given."""
    if len(args) > 1:
        sys.exit("usage: python dev.py version [NEW]")
    for path in set_everywhere(args[0]) if args else ():
        print(f"changed {path.relative_to(ROOT)}", file=sys.stderr)
    print(current())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
