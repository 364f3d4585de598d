"""What all the applications have in common: their answers, and where their files are."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
STATIC = str(HERE / "static")
TEMPLATES = str(HERE / "templates")
SECRET = "a key that is long enough for every framework"  # of 32 bytes and more

ANSWER = {"hello": "world", "numbers": [1, 2, 3]}
TITLE = "Twenty rows"
ROWS = [{"number": n, "name": f"Row <{n}>", "price": n * 1.5} for n in range(20)]
CHUNK = "0123456789abcdef" * 64  # 1 KiB
CHUNKS = 10
EVENTS = 5
WEBSOCKET_MESSAGES = 10
STATIC_RULE, DYNAMIC_RULE = "/static{}", "/dynamic{}"
