"""What an inspector of ASGI says about an application with every kind of view."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--path", "/", "--path", "/async", "--path", "/count", "--path", "/count/sync"],
        ["--path", "/long", "--path", "/count", "-H", "Accept-Encoding: gzip"],
        ["--path", "/nowhere", "--path", "DELETE:/", "--path", "OPTIONS:/"],
        ["--path", "POST:/echo", "-d", "a body"],
        ["--path", "ws:/echo/live", "--path", "ws:/leave", "--path", "ws:/forbidden"],
        ["--path", "ws:/nothing", "--path", "ws:/"],
    ],
    ids=["answers", "compressed", "errors", "body", "websockets", "rejections"],
)
def test_an_inspector_of_asgi_finds_nothing(tmp_path, arguments):
    shutil.copy(ROOT / "tests" / "servers" / "hello_app.py", tmp_path)
    command = [sys.executable, "-m", "asgion", "check", "hello_app:app", *arguments]
    command += ["--strict", "--min-severity", "warning", "--no-color"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
