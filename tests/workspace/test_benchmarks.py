"""The command that compares with other frameworks works, also where none of them is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments):
    command = [sys.executable, "-m", "benchmarks", "--peers", "bare", "--rounds", "1"]
    return subprocess.run(
        [*command, "--seconds", "0.01", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_command_gives_a_table_a_file_and_charts(tmp_path):
    file = tmp_path / "all.json"
    done = bench("--workloads", "hello", "--json", file, "--charts", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cruse" in done.stdout
    found = json.loads(file.read_text())
    assert "Cruse under each protocol" in done.stdout
    for face in ("wsgi", "asgi", "rsgi"):
        costs = found["process"][face]["text"]
        assert set(costs) == {"cruse", "bare"}
        assert all(type(cost) is float for cost in costs.values())
        assert "<svg" in (tmp_path / f"performance-{face}.svg").read_text()


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("face", ["wsgi", "asgi", "rsgi"])
def test_every_answer_of_ours_is_right(face):
    done = run(
        "from benchmarks.measured import checked\n"
        "from benchmarks.workloads import WORKLOADS\n"
        "for name in WORKLOADS:\n"
        "    try:\n"
        f"        gateway, requests = checked({face!r}, 'cruse', name)\n"
        "    except LookupError:\n"
        f"        assert {face!r} == 'wsgi' and name in "
        "('sync_view', 'inline_view', 'websocket')\n"
        "    else:\n"
        "        gateway.close()\n"
    )
    assert done.returncode == 0, done.stderr


def test_a_wrong_answer_is_not_timed():
    done = run(
        "from benchmarks import workloads, measured\n"
        "wrong = workloads.WORKLOADS['hello']._replace(check=workloads._text('bye'))\n"
        "workloads.WORKLOADS['hello'] = wrong\n"
        "measured.checked('wsgi', 'bare', 'hello')\n"
    )
    assert done.returncode == 1
    assert "AssertionError: b'hello'" in done.stderr


def test_a_framework_that_takes_too_long_is_left_out():
    from benchmarks.turns import Measured, TooLongError

    code = "from benchmarks.measured import end_after; end_after(0.05)\nwhile True: pass"
    process = Measured("endless", "-c", code)
    with pytest.raises(TooLongError, match="endless"):
        process.hear()
    process.close()


@pytest.mark.parametrize("face", ["wsgi", "asgi", "rsgi"])
def test_each_framework_has_a_module(face):
    from benchmarks.peers.registry import PEERS

    modules = {path.stem for path in (ROOT / "benchmarks" / "peers" / face).glob("*.py")}
    assert modules - {"__init__"} == set(PEERS[face])


def test_the_calls_of_a_request_are_counted():
    done = bench("--levels", "calls", "--workloads", "hello", "--faces", "wsgi")
    assert done.returncode == 0, done.stderr
    (row,) = (line.split() for line in done.stdout.splitlines() if line.startswith("text"))
    assert 10 < float(row[1]) < 100
    assert row[2].startswith("0.")  # a function without a framework enters fewer


def test_what_is_reached_is_told_from_the_figures():
    from benchmarks.aims import aims

    rows = {
        "text": {"cruse": 10.0, "falcon": 8.0, "flask": 90.0},
        "404": {"cruse": 10.0, "flask": 70.0},
    }
    table = aims({"wsgi": rows})
    assert "faster than Falcon in 0 of 1, Flask in 2 of 2 | **not reached** |" in table
    assert "| text, WSGI | 8x Flask | 9.0x | reached |" in table
    assert "| 404, WSGI | 8x Flask | 7.0x | **not reached** |" in table


def test_functions_by_hand_tell_how_low_a_row_could_be():
    command = [
        *(sys.executable, "-c"),
        "from benchmarks import floors\n"
        "floors.ROUNDS = floors.BATCH = 1\n"
        "floors.PEERS = {'wsgi': ['cruse'], 'asgi': ['cruse']}\n"
        "floors.main()\n",  # which looks at each answer
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert (told.count("wsgi"), told.count("asgi")) == (9, 10)
