"""A page with a form and no token, and a page that posts to wherever its query says."""

from wtforms import StringField

from cruse import Cruse, flash, request
from cruse_forms import Form, Forms

app = Cruse(__name__, extensions=[Forms()])
app.config.update(SECRET_KEY="for tests", SESSION_COOKIE_SAMESITE=None)
said: list[str] = []


class Words(Form):
    words = StringField()


PAGE = """<!doctype html>
<title>{title}</title>
<form method="post" action="{action}">
<input name="words" value="{words}"><button>Say</button>
</form>
"""


@app.get("/login")
def login() -> str:
    flash("cookies are there")
    return "welcome"


@app.get("/page")
def page() -> str:
    return PAGE.format(title="own", action="/say", words="hello")


@app.get("/hostile")
def hostile() -> str:
    return PAGE.format(title="hostile", action=request.args["to"], words="pwned")


@app.post("/say")
def say() -> str:
    form = Words()
    if not form.validate_on_submit():
        return "not said"
    said.append(form.words.data or "")
    return "said"


@app.get("/said")
def all_said() -> list[str]:
    return said
