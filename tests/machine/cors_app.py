"""An application that pages of one other origin may read, and whose hooks refuse strangers."""

from cruse import Blueprint, Cruse, request

app = Cruse(__name__)
app.config["CORS"] = {"supports_credentials": True, "expose_headers": ["X-Total"]}
app.config.from_prefixed_env()  # the origins


@app.before_request
def refuse_what_has_no_field_of_its_own():
    if request.method not in ("GET", "HEAD") and "X-Own" not in request.headers:
        return "no", 401
    return None


@app.get("/")
def index():
    return "a page"


@app.get("/things")
def things():
    return "things", {"X-Total": "7"}


@app.put("/things")
def put():
    return f"put by {request.cookies.get('who', 'nobody')}"


@app.get("/login")
def login():
    return "welcome", {"Set-Cookie": "who=ada; HttpOnly; SameSite=Lax"}


private = Blueprint("private", __name__, cors=False)
private.get("/private")(lambda: "private")
app.register_blueprint(private)
