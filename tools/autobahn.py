"""Run Autobahn's websocket test suite against an echo view under several servers.

    pythonX.Y -m pip install autobahntestsuite      # it needs Python 2.7
    python tools/autobahn.py /path/to/python2.7

Most of its cases try the server. So each server also serves a bare ASGI function, and what is
reported is where the echo view does worse than that: nothing. Ends with 1 otherwise. The cases of
speed and compression (9, 12, 13) are left out; ``--all`` runs them too, for an hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.servers.serving import Server, free_port

APP = """
from cruse import Cruse, websocket

app = Cruse(__name__)
app.config["WEBSOCKET_MAX_MESSAGE_SIZE"] = 64 * 1024 * 1024

@app.websocket("/")
async def echo():
    async for message in websocket:
        await websocket.send(message)

async def bare(scope, receive, send):
    if scope["type"] != "websocket":
        raise ValueError(scope["type"])
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        content = {key: message[key] for key in ("text", "bytes") if message.get(key) is not None}
        await send({"type": "websocket.send", **content})
"""
SERVERS = {
    "uvicorn": "uvicorn --port {port} --log-level critical {app}",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} {app}",
    "granian-asgi": "granian --interface asgi --port {port} {app}",
    "granian-rsgi": "granian --interface rsgi --port {port} {app}",
}
#: From good to bad.
VERDICTS = [
    "OK",
    "INFORMATIONAL",
    "NON-STRICT",
    "UNIMPLEMENTED",
    "UNCLEAN",
    "WRONG CODE",
    "FAILED",
]


def serve(stack: ExitStack, name: str, app: str, folder: Path) -> int:
    """Start a server and return its port."""
    port, log = free_port(), folder / f"{name}-{app}.log"
    command = SERVERS[name].format(port=port, app=f"echo_app:{app}").split()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, stdout=output, stderr=output
        )
    stack.callback(process.terminate)
    Server(process, port, log).wait()
    return port


def main() -> int:
    """Run the suite and print how the view does, beside the bare function."""
    parser = argparse.ArgumentParser(description="Run Autobahn's websocket test suite.")
    parser.add_argument("python", help="a Python 2.7 that has autobahntestsuite")
    parser.add_argument("--all", action="store_true", help="the cases that take long as well")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "echo_app.py").write_text(APP)
        servers = []
        for name in SERVERS:
            for app in ["app"] if name == "granian-rsgi" else ["app", "bare"]:
                url = f"ws://127.0.0.1:{serve(stack, name, app, folder)}"
                servers.append({"agent": f"{name} {app}", "url": url})
        left_out = [] if options.all else ["9.*", "12.*", "13.*"]
        specification = {
            "outdir": "reports",
            "servers": servers,
            "cases": ["*"],
            "exclude-cases": left_out,
            "exclude-agent-cases": {},
        }
        (folder / "spec.json").write_text(json.dumps(specification))
        run = "from autobahntestsuite.wstest import run; run()"
        command = [options.python, "-c", run, "-m", "fuzzingclient", "-s", "spec.json"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        reports = json.loads((folder / "reports" / "index.json").read_text())
    worse = 0
    for name in SERVERS:
        ours = reports[f"{name} app"]
        bare = reports.get(f"{name} bare", reports["granian-asgi bare"])
        found = [case for case in ours if _badness(ours[case]) > _badness(bare[case])]
        counts = dict.fromkeys(VERDICTS, 0)
        for case in ours.values():
            counts[case["behavior"]] += 1
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        print(f"{name:14}{told}; worse than a bare function: {', '.join(found) or 'none'}")
        worse += len(found)
    return int(worse > 0)


def _badness(case: dict[str, str]) -> int:
    return max(VERDICTS.index(case["behavior"]), VERDICTS.index(case["behaviorClose"]))


if __name__ == "__main__":
    sys.exit(main())
