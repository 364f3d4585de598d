"""What views, hooks and the functions of a blueprint take and give."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypedDict, assert_type

from werkzeug.wrappers import Response as WerkzeugResponse

from cruse import Blueprint, Cruse, Response, abort, inline, jsonify, make_response, redirect
from cruse.typing import ResponseReturnValue
from cruse.views import MethodView, View

app = Cruse(__name__)
blog = Blueprint("blog", __name__, url_prefix="/blog")


class Post(TypedDict):
    title: str


@dataclass
class Author:
    name: str


@app.get("/text")
def text() -> str:
    return "text"


@app.get("/bytes")
def some_bytes() -> bytes:
    return b"bytes"


@app.get("/dict")
def some_dict() -> dict[str, int]:
    return {"a": 1}


@app.get("/typed")
async def typed() -> Post:
    return {"title": "A title"}


@app.get("/list")
def some_list() -> list[Post]:
    return [{"title": "A title"}]


@app.get("/dataclass")
def some_dataclass() -> Author:
    return Author("Ada")


@app.get("/status")
def with_status() -> tuple[str, int]:
    return "created", 201


@app.get("/status/enum")
def with_enum() -> tuple[Author, HTTPStatus]:
    return Author("Ada"), HTTPStatus.CREATED


@app.get("/headers")
def with_headers() -> tuple[str, dict[str, str]]:
    return "text", {"X-Answer": "42"}


@app.get("/all")
async def with_all() -> tuple[dict[str, str], int, dict[str, str]]:
    return {"a": "b"}, 200, {"X-Answer": "42"}


@app.get("/stream")
def stream() -> Iterator[str]:
    yield "one"


@app.get("/stream/async")
async def stream_later() -> AsyncIterator[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"

    return chunks()


@app.get("/response")
def response() -> Response:
    answer = make_response("text", 200)
    answer.headers["X-Answer"] = "42"
    return answer


@app.get("/json")
def as_json() -> Response:
    return jsonify(a=1)


@app.get("/away")
def away() -> WerkzeugResponse:
    return redirect("/text")


@blog.route("/", methods=["GET", "POST"])
async def mixed() -> ResponseReturnValue:
    if app.debug:
        abort(404)
    return "", 204


# Decorators give back the function with its type.
assert_type(text(), str)
assert_type(with_status(), tuple[str, int])


@app.before_request
def before() -> None: ...


@blog.before_request
async def before_blog() -> str | None:
    return None


@app.after_request
def after(response: Response) -> Response:
    return response


@app.after_request
async def after_async(response: Response) -> Response:
    return response


@app.teardown_request
def teardown(error: BaseException | None) -> None: ...


@app.teardown_appcontext
async def teardown_async(error: BaseException | None) -> None: ...


@app.context_processor
def variables() -> dict[str, Any]:
    return {"a": 1}


@app.url_defaults
def defaults(endpoint: str, values: dict[str, Any]) -> None: ...


@app.url_value_preprocessor
def take(endpoint: str | None, values: dict[str, Any] | None) -> None: ...


@app.startup
async def start() -> None: ...


@inline
def quick() -> int:
    return 5


assert_type(quick(), int)
assert_type(after(Response()), Response)


class Item(MethodView):
    def get(self, number: int) -> Post:
        return {"title": str(number)}

    async def delete(self, number: int) -> tuple[str, int]:
        return "", 204


class Page(View):
    methods = ["GET"]

    def dispatch_request(self, **kwargs: Any) -> str:
        return "page"


app.add_url_rule("/items/<int:number>", view_func=Item.as_view("item"))
app.add_url_rule("/page", view_func=Page.as_view("page"))
app.register_blueprint(blog)


@app.get("/none")  # wrong: type-var, reportArgumentType
def nothing() -> None: ...


@app.get("/number")  # wrong: type-var, reportArgumentType
def number() -> int:
    return 5


@app.get("/four")  # wrong: type-var, reportArgumentType
async def four() -> tuple[str, int, dict[str, str], int]:
    return "", 200, {}, 5


@app.teardown_request  # wrong: type-var, reportArgumentType
def teardown_without_error() -> None: ...


@app.context_processor  # wrong: type-var, reportArgumentType
def a_list() -> list[str]:
    return []


@app.before_request  # wrong: type-var, reportArgumentType
def before_with_argument(name: str) -> None: ...


@app.template_filter
def shout(text: str) -> str:
    return text.upper()


@app.template_filter("quiet")
def whisper(text: str) -> str:
    return text.lower()


@blog.app_template_global()
def year() -> int:
    return 2026


assert_type(shout("a"), str)
assert_type(whisper("A"), str)
assert_type(year(), int)
