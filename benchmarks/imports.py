"""What importing the package costs, side by side with Flask.

    python benchmarks/imports.py [--runs 30]

Each import happens in a fresh process, which reports the CPU time that it took: user and system,
in milliseconds, without the interpreter's own start, everything compiled before. The cases take
turns, so that a busy machine is busy for all of them; the smallest figure is the one that was
disturbed least. "first answer" goes on to make an application and to answer a request under WSGI,
because what an import puts off is paid then.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

TIMED = """
import sys, time
before = time.process_time()
{code}
print((time.process_time() - before) * 1000, len(sys.modules))
"""
FIRST_ANSWER = """
from {module} import {name}
app = {name}("an_app")
app.add_url_rule("/", "index", lambda: "hello")
environ = {{
    "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
    "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
}}
assert list(app(environ, lambda *args: None)) == [b"hello"]
"""
CASES = {
    "import cruse": "import cruse",
    "import flask": "import flask",
    "cruse, application": "from cruse import Cruse",
    "flask, application": "from flask import Flask",
    "cruse, first answer": FIRST_ANSWER.format(module="cruse", name="Cruse"),
    "flask, first answer": FIRST_ANSWER.format(module="flask", name="Flask"),
}


def measure(code, cache):
    """Return the CPU milliseconds of some code in a fresh process, and its modules."""
    # What is installed came compiled, a checkout need not be: here all share a cache of their own.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", TIMED.format(code=code)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    cost, modules = done.stdout.split()
    return float(cost), int(modules)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=30, help="processes for each case (30)")
    runs = parser.parse_args().runs
    costs = {case: [] for case in CASES}
    modules = {}
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(runs + 1):  # the first round only fills the cache
            for case, code in CASES.items():
                cost, modules[case] = measure(code, cache)
                costs[case].append(cost)
    print(f"CPU time in ms over {runs} processes each, Python {sys.version.split()[0]}\n")
    print(f"{'':21}{'minimum':>9}{'median':>9}{'modules':>9}")
    for case, each in costs.items():
        lowest, middle = min(each[1:]), statistics.median(each[1:])
        print(f"{case:21}{lowest:9.1f}{middle:9.1f}{modules[case]:9}")


if __name__ == "__main__":
    main()
