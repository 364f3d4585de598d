"""PostgreSQL, Redis, an object store and a browser, started for these tests and gone after them.

All but the object store are programs of the machine, not packages of an index (Debian: postgresql,
redis-server, strace, chromium, chromium-driver; and npm, from wherever), so these tests run apart:
``python dev.py test-machine``. What is missing is an error here, never a skip.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from obstore.store import S3Store
from redis import Redis
from selenium import webdriver


def server_program(name: str) -> str:
    """Find a program of the newest PostgreSQL here; Debian keeps them off PATH."""
    newest = max(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]),
        default=None,
    )
    found = str(newest) if newest else shutil.which(name)
    assert found, f"{name} is missing: install PostgreSQL (Debian: apt install postgresql)"
    return found


class Postgres:
    """A PostgreSQL server of our own; it listens on a socket in its folder only."""

    def __init__(self) -> None:
        # A folder right below /tmp: a socket's path may have 107 bytes, and PostgreSQL refuses to
        # run as root, whose folders its substitute could not enter.
        self.folder = Path(tempfile.mkdtemp(prefix="cruse-pg-"))
        self._user = None
        if os.geteuid() == 0:
            self._user = "postgres"
            shutil.chown(self.folder, self._user)
        self._run("initdb", "--auth=trust", "--username=cruse", "--encoding=UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [server_program(program), "-D", self.folder / "cluster", *arguments],
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            user=self._user,
        )

    def start(self) -> None:
        # What cleans up in the background would be counted among the connections of a test.
        options = f"-k {self.folder} -c listen_addresses= -c fsync=off -c autovacuum=off"
        self._run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """Start a PostgreSQL server for all tests; return the folder of its socket."""
    server = Postgres()
    server.start()
    yield server.folder
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture(scope="module")
def postgres_of_its_own() -> Iterator[Postgres]:
    """A PostgreSQL server that a test may stop and start; it does not run yet."""
    server = Postgres()
    yield server
    shutil.rmtree(server.folder)


@pytest.fixture
def postgres_url(postgres_server: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, as SQLAlchemy writes it for psycopg."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(
        host=str(postgres_server), user="cruse", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield f"postgresql+psycopg://cruse@/{name}?host={postgres_server}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """Start a Redis server of our own, which keeps nothing; it listens on this socket only."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing (Debian: apt install redis-server)"
    folder = Path(tempfile.mkdtemp(prefix="cruse-redis-"))
    path = folder / "socket"
    options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(
        [program, *options], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    for line in server.stdout:  # it says when it listens
        if b"accept connections" in line:
            break
    yield path
    server.terminate()
    server.communicate()
    shutil.rmtree(folder)


@pytest.fixture
def redis_url(redis_socket: Path) -> str:
    """The URL of an empty Redis database."""
    url = f"unix://{redis_socket}"
    with Redis.from_url(url) as connection:
        connection.flushall()  # also what the workers of other tests have left
    return url


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an object store that speaks like S3; return its URL."""
    program = Path(__file__).with_name("s3_server.py")
    folder = tmp_path_factory.mktemp("s3")
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", program, folder / "files"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    port = server.stdout.readline().strip()
    assert port, "The object store has not started; what it said is above."
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.communicate()


@pytest.fixture
def s3_store(s3_endpoint: str) -> S3Store:
    """Where nothing is yet in a bucket of that store."""
    return S3Store(
        "bucket",
        prefix=uuid4().hex,
        endpoint=s3_endpoint,
        region="us-east-1",
        access_key_id="test:tester",
        secret_access_key="testing",
        client_options={"allow_http": True},
    )


def chromium() -> webdriver.Chrome:
    """Start a browser that nobody sees, with a profile that nobody keeps."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert binary, "chromium is missing (Debian: apt install chromium)"
    assert driver, "chromedriver is missing (Debian: apt install chromium-driver)"
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("headless=new", "window-size=1280,900", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    if os.geteuid() == 0:
        # Chromium's sandbox does not start for root, which is who CI containers are.
        options.add_argument("--no-sandbox")
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    # On a machine with other work, its 30 seconds may pass while a script waits for an answer.
    browser.set_script_timeout(100)
    return browser


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile; ``browser.switch_to.new_window("window")`` opens more."""
    started = chromium()
    yield started
    started.quit()


@pytest.fixture(scope="session")
def node_programs(tmp_path_factory) -> Path:
    """The programs of ``oidc``, in a folder with what they need."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js"
    folder = tmp_path_factory.mktemp("oidc")
    shutil.copytree(Path(__file__).parent / "oidc", folder, dirs_exist_ok=True)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    subprocess.run([npm, "install", *quiet], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder
