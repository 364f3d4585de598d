"""Search for inputs that break a parser, guided by coverage.

    python dev.py fuzz multipart --seconds 600
    python dev.py fuzz                             all of them, a minute each

What breaks one is written to ``tests/corpus/<parser>/`` as ``crash-...``, and from then on the
tests replay it: mend the parser, give the file a name that says what it is, and commit both.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the workspace is no distribution, so it is not on the path
CORPUS = ROOT / "tests" / "corpus"
PARSERS = sorted(folder.name for folder in CORPUS.iterdir() if folder.is_dir())
INSTRUMENTED = ["cruse", "multipart", "werkzeug", "itsdangerous"]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dev.py fuzz", description="Search for inputs that break a parser."
    )
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=", ".join(PARSERS))
    parser.add_argument(
        "--seconds", type=int, default=60, help="how long for each parser (default: 60)"
    )
    options = parser.parse_args(argv)
    unknown = sorted(set(options.parsers) - set(PARSERS))
    if unknown:
        parser.error(f"there is no parser {unknown[0]!r}; there are {', '.join(PARSERS)}")
    if options.seconds < 1:
        parser.error("--seconds must be 1 or more")
    return options


def fuzz(parser: str, seconds: int) -> None:
    """Fuzz one parser in this process, which ends with it."""
    try:
        atheris = importlib.import_module("atheris")  # it has no types
    except ImportError:
        sys.exit(
            "fuzz: atheris, the fuzzer, is not installed here. `python dev.py fuzz` installs it; "
            "there are wheels of it for CPython 3.11 to 3.13 on Linux (x86-64)."
        )
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tools.fuzz_targets import TARGETS
    with tempfile.TemporaryDirectory() as found:
        options = [
            f"-max_total_time={seconds}",
            "-max_len=4096",
            "-timeout=10",
            "-rss_limit_mb=2048",
            f"-artifact_prefix={CORPUS / parser}/",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, found, str(CORPUS / parser)], TARGETS[parser])
        atheris.Fuzz()


def main(argv: list[str] | None = None) -> int:
    """Fuzz the chosen parsers, one process after the other; return 1 when one broke."""
    options = arguments(argv)
    if len(options.parsers) == 1:
        fuzz(options.parsers[0], options.seconds)
    broken = []
    for parser in options.parsers or PARSERS:
        print(f"fuzz: {parser} for {options.seconds} seconds", flush=True)
        command = [sys.executable, __file__, parser, "--seconds", str(options.seconds)]
        if subprocess.run(command, check=False).returncode != 0:
            broken.append(parser)
    print(f"fuzz: {len(broken)} broken {' '.join(broken)}".rstrip())
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
