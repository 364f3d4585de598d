"""The development server, started for real."""

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TLS = Path(__file__).parents[2] / "packages/framework/tests/tls"

SITE = """
import sys
from cruse.app import Cruse
from cruse.globals import request

app = Cruse("site", root_path=".")
app.secret_key = "the-signing-key"

@app.get("/")
def index():
    return f"one {request.scheme}"

@app.get("/fail")
async def fail():
    raise ArithmeticError(app.secret_key)

@app.shutdown
async def stop():
    print("all is put away", flush=True)
"""


class Server:
    """A server in a process of its own, on a port that the system chose."""

    def __init__(self, folder, *command):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CRUSE_")}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = []
        # A server that hangs must fail the test, not the whole run; many starts of one may take
        # minutes on a machine with other work.
        self.guard = threading.Timer(240, self.process.kill)
        self.guard.daemon = True
        self.guard.start()

    def wait_for(self, pattern):
        """Read the server's output up to a line that matches."""
        for line in self.process.stdout:
            self.output.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        pytest.fail(f"{pattern!r} did not come:\n{''.join(self.output)}")

    def listen(self):
        """Wait until the server listens."""
        scheme, self.port = self.wait_for(r"Running on (https?)://127\.0\.0\.1:(\d+)").groups()
        self.context = None
        if scheme == "https":
            self.context = ssl.create_default_context(cafile=TLS / "cert.pem")
        return self

    def reload(self):
        """Wait until the server has noticed a change and starts anew."""
        self.wait_for("Detected change")
        self.wait_for("Restarting")

    def get(self, path="/", **headers):
        """Return status and text of an answer."""
        if self.context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        else:
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=30, context=self.context
            )
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def end(self):
        """Wait for the end of the process and return its exit code and the rest of its output."""
        rest = self.process.stdout.read()
        self.process.wait()
        self.guard.cancel()
        return self.process.returncode, "".join(self.output) + rest

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.send_signal(signal.SIGINT)  # as a developer ends it
        self.end()
        self.process.stdout.close()


class Project:
    """A folder with the module ``site_.py``, which a test writes and changes."""

    def __init__(self, folder):
        self.folder = folder
        self.module = folder / "site_.py"
        self.time = 1_700_000_000

    def write(self, source):
        # The reloader compares times; two writes may come within its resolution. And it may look
        # at any moment: what it sees has all of the source, and the time that it keeps.
        self.time += 10
        written = self.folder / "written"
        written.write_text(source)
        os.utime(written, (self.time, self.time))
        written.replace(self.module)

    def serve(self, *options, command=("-m", "cruse", "--app", "site_", "run", "--port", "0")):
        return Server(self.folder, *command, *options)


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path)
    project.write(SITE)
    return project


def test_cruse_run_serves_the_application(project):
    with project.serve() as server:
        assert server.listen().get() == (200, "one http")
        assert server.get("/fail")[0] == 500
        assert server.get("/missing")[0] == 404
    output = "".join(server.output)
    assert " * Serving Cruse app 'site_'" in output
    assert " * Debug mode: off" in output


def test_app_run_serves_the_application(project):
    project.write(f"{SITE}\nif __name__ == '__main__':\n    app.run(port=0)")
    with project.serve(command=("site_.py",)) as server:
        assert server.listen().get() == (200, "one http")


def test_https_is_served_with_a_certificate(project):
    options = ("--cert", str(TLS / "cert.pem"), "--key", str(TLS / "key.pem"))
    with project.serve(*options) as server:
        assert server.listen().get() == (200, "one https")


def test_in_debug_mode_an_error_opens_the_debugger(project):
    with project.serve("--debug", "--no-reload") as server:
        status, page = server.listen().get("/fail", Cookie="session=secret-of-the-user")
        assert status == 500
        assert "ArithmeticError" in page
        assert "raise ArithmeticError(app.secret_key)" in page
        assert "the-signing-key" not in page
        assert "EVALEX = true" in page


def test_without_the_debugger_an_error_is_a_plain_500(project):
    with project.serve("--debug", "--no-reload", "--no-debugger") as server:
        status, page = server.listen().get("/fail")
        assert status == 500
        assert "ArithmeticError" not in page


def test_a_broken_edit_is_shown_and_its_repair_is_served(project):
    with project.serve("--debug") as server:
        assert server.listen().get() == (200, "one http")

        project.write(SITE.replace("def index():", "def index(:"))
        server.reload()
        status, page = server.get()
        assert status == 500
        assert "SyntaxError" in page
        assert "def index(:" in page
        assert server.get()[0] == 500

        project.write(SITE.replace("one", "two"))
        server.reload()
        assert server.get() == (200, "two http")

        project.write(f"{SITE}\ndel app\n")
        server.reload()
        assert "No application or factory in module" in server.get()[1]

        project.write(SITE)
        server.reload()
        assert server.get() == (200, "one http")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import nowhere_to_be_found", "No module named"),
        (f"{SITE}\n@app.startup\ndef start():\n    raise ArithmeticError", "ArithmeticError"),
    ],
)
def test_a_server_may_start_with_broken_code(project, source, error):
    project.write(source)
    with project.serve("--debug") as server:
        status, page = server.listen().get()
        assert status == 500
        assert error in page

        project.write(SITE)
        server.reload()
        assert server.get() == (200, "one http")


def test_without_the_reloader_broken_code_ends_the_command(project):
    project.write("1 / 0\n")
    with project.serve() as server:
        code, output = server.end()
    assert code == 1
    assert "ZeroDivisionError" in output


@pytest.mark.parametrize("options", [(), ("--debug",)])
def test_a_wrong_name_ends_the_command_in_one_line(project, options):
    with Server(project.folder, "-m", "cruse", "--app", "nowhere", "run", *options) as server:
        code, output = server.end()
    assert code == 2
    assert output.startswith("Error: Could not import 'nowhere'.")
    assert output.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_with_the_reloader_both_processes_end_and_the_port_is_free(project, number):
    with project.serve("--debug") as server:
        server.listen().get()
        server.process.send_signal(number)  # to the watching process only, as other programs do
        code, output = server.end()
    assert code == 0
    assert output.count("all is put away") == 1
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(server.port)))


def test_a_module_that_was_missing_is_found_when_it_comes(project):
    project.write(SITE.replace("import sys", "import late_part"))
    with project.serve("--debug") as server:
        assert "late_part" in server.listen().get()[1]
        (project.folder / "late_part.py").touch()
        server.reload()
        assert server.get() == (200, "one http")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_terminated_server_runs_the_shutdown_functions(project):
    with project.serve() as server:
        server.listen().get()
        server.process.terminate()
        code, output = server.end()
        assert code == 0
        assert "all is put away" in output
