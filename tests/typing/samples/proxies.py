"""The proxies as they come."""

from typing import Any, assert_type

from cruse import Cruse, current_app, g, request, session
from cruse.sessions import SessionMixin

app = Cruse(__name__)


@app.post("/<int:number>")
async def view(number: int) -> dict[str, Any]:
    assert_type(current_app, Cruse)
    assert_type(current_app.debug, bool)
    assert_type(current_app.testing, bool)
    assert_type(current_app.secret_key, str | bytes | None)
    assert_type(request.method, str)
    assert_type(request.args.get("page", 1, type=int), int)
    assert_type(request.headers["Accept"], str)
    assert_type(session, SessionMixin)
    assert_type(session.permanent, bool)
    assert_type(session["user"], Any)
    session["user"] = number
    session.permanent = True
    session.rotate()
    g.started = 1.5
    assert_type(g.get("started"), Any)
    return {"number": number, "user": session.get("user")}


@app.get("/mistakes")
def mistakes() -> str:
    session[1] = "one"  # wrong: index, reportArgumentType
    session.permanent = "yes"  # wrong: assignment, reportAttributeAccessIssue
    request.methods()  # wrong: attr-defined, reportAttributeAccessIssue
    current_app.secret_key = 5
    return request.args  # wrong: return-value, reportReturnType
