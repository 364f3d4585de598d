"""What the reloader watches, and what it does about it."""

import os
import re
import signal
import subprocess
import sys

import pytest

from cruse.app import Cruse
from cruse.blueprints import Blueprint
from cruse.reloader import Reloader, watch_folders_of

OLD = 1_700_000_000  # seconds


@pytest.fixture
def folder(tmp_path):
    """The folder of an application, with what lies around in such folders."""
    for name in (
        "app.py",
        "parts/views.py",
        ".venv/lib/python3/site-packages/library/__init__.py",
        "env/pyvenv.cfg",
        "env/lib.py",
        "node_modules/tool/build.py",
        "templates/page.html",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        os.utime(file, (OLD, OLD))
    return tmp_path


@pytest.fixture
def reloader(folder):
    """Watch the folder, one look so far."""
    watch_folders_of(Cruse("app", root_path=str(folder)))
    return Reloader()


def watched(reloader, folder):
    return {
        os.path.relpath(path, folder)
        for path in reloader.paths()
        if path.startswith(f"{folder}{os.sep}")
    }


def test_the_python_files_of_the_application_are_watched_and_no_environment(reloader, folder):
    assert watched(reloader, folder) == {"app.py", os.path.join("parts", "views.py")}


def test_blueprints_have_folders_too(folder):
    app = Cruse("app", root_path=str(folder / "templates"))
    app.register_blueprint(Blueprint("parts", __name__, root_path=str(folder / "parts")))
    watch_folders_of(app)
    assert watched(Reloader(), folder) == {os.path.join("parts", "views.py")}


def test_without_an_application_it_is_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder)
    watch_folders_of(None)
    assert "app.py" in watched(Reloader(), folder)


def test_imported_modules_are_watched_wherever_they_are_but_pythons_own(reloader):
    import click

    paths = reloader.paths()
    assert click.__file__ in paths
    assert re.__file__ not in paths
    # Not what is installed beside them and not imported.
    installed = {path for path in paths if "site-packages" in path}
    assert installed <= {getattr(module, "__file__", None) for module in sys.modules.values()}


def test_extra_files_and_folders_are_watched_except_what_matches_a_pattern(folder):
    watch_folders_of(Cruse("app", root_path=str(folder / "env")))
    reloader = Reloader([str(folder / "app.py"), str(folder / "templates")], ["*/env/*"])
    assert watched(reloader, folder) == {"app.py", os.path.join("templates", "page.html")}


def change(folder):
    (folder / "app.py").write_text("changed = True")


def restore_an_older_one(folder):
    os.utime(folder / "app.py", (OLD - 100, OLD - 100))


def remove(folder):
    (folder / "app.py").unlink()


def add(folder):
    (folder / "models.py").touch()


def add_in_a_new_folder(folder):
    (folder / "api").mkdir()
    (folder / "api" / "__init__.py").touch()


@pytest.mark.parametrize("act", [change, restore_an_older_one, remove, add, add_in_a_new_folder])
def test_a_change_asks_for_a_restart(reloader, folder, act, capfd):
    with reloader:
        reloader.run_step()
        act(folder)
        with pytest.raises(SystemExit) as end:
            reloader.run_step()
    assert end.value.code == 3


def test_what_is_imported_later_is_no_change(reloader, tmp_path_factory, monkeypatch):
    late = tmp_path_factory.mktemp("elsewhere") / "late_module.py"
    late.touch()
    monkeypatch.syspath_prepend(late.parent)
    with reloader:
        import late_module  # type: ignore[import-not-found]

        monkeypatch.delitem(sys.modules, "late_module")
        monkeypatch.setitem(sys.modules, "late_module", late_module)
        reloader.run_step()
        monkeypatch.delitem(sys.modules, "late_module")
        reloader.run_step()
        monkeypatch.setitem(sys.modules, "late_module", late_module)
        reloader.run_step()
        assert str(late) in reloader.seen


def test_a_process_that_nobody_watches_over_ends(reloader, monkeypatch):
    with reloader:
        monkeypatch.setattr(os, "getppid", lambda: 1)
        with pytest.raises(SystemExit) as end:
            reloader.run_step()
    assert end.value.code == 0


#: Serves nothing, tells the process that started it of a signal, and waits to be ended.
CHILD = """
import os, signal, sys, time

def stop(*_):
    print("cleaned up", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("serving", flush=True)
os.kill(os.getppid(), {number})
while True:
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_the_serving_process_is_ended_and_waited_for(tmp_path, monkeypatch, capfd, number, error):
    script = tmp_path / "child.py"
    script.write_text(CHILD.format(number=number.value))
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, str(script)])
    ended = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # What a shell starts in the background ignores this one, and Python leaves it at that.
    interrupted = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(error):
            Reloader().restart_with_reloader()
    finally:
        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGINT, interrupted)
    assert capfd.readouterr().out == "serving\ncleaned up\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_signal_while_the_serving_process_is_started_ends_it_too(tmp_path, monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            started.append(self)
            super().__init__(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", "import signal; signal.pause()"])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Reloader().restart_with_reloader()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert started[0].returncode == -signal.SIGTERM
    finally:
        signal.signal(signal.SIGINT, before)
        started[0].kill()


def test_the_exit_code_of_the_serving_process_is_handed_on(monkeypatch, capfd):
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-c", "import sys; sys.exit(7)"])
    assert Reloader().restart_with_reloader() == 7
