"""Error handlers get the error that they are registered for."""

from typing import Any

from werkzeug.exceptions import HTTPException, NotFound

from cruse import Blueprint, Cruse
from cruse.typing import ResponseReturnValue

app = Cruse(__name__)
blog = Blueprint("blog", __name__)


class OutOfStockError(Exception):
    left: int = 0


@app.errorhandler(OutOfStockError)
def out_of_stock(error: OutOfStockError) -> tuple[str, int]:
    return f"only {error.left} left", 409


@blog.errorhandler(OutOfStockError)
async def out_of_stock_later(error: OutOfStockError) -> dict[str, int]:
    return {"left": error.left}


@app.errorhandler(404)
def not_found(error: HTTPException) -> ResponseReturnValue:
    return error.description or "", 404


@blog.app_errorhandler(NotFound)
def no_post(error: NotFound) -> ResponseReturnValue:
    return error.get_response()


# One that takes more is fine, and so is one function for several errors.
@app.errorhandler(ValueError)
@app.errorhandler(KeyError)
@blog.app_errorhandler(500)
def anything(error: Exception) -> str:
    return str(error)


@app.errorhandler(OutOfStockError)
def untyped(error: Any) -> str:
    return str(error)


app.register_error_handler(OutOfStockError, lambda error: str(error.left))
app.register_error_handler(404, not_found)


@app.errorhandler(OutOfStockError)  # wrong: arg-type, reportArgumentType
def of_another_error(error: KeyError) -> str:
    return str(error)


@app.errorhandler(404)  # wrong: arg-type, reportArgumentType
def of_no_http_error(error: KeyError) -> str:
    return str(error)


@app.errorhandler(OutOfStockError)  # wrong: type-var, reportArgumentType
def answers_nothing(error: OutOfStockError) -> None: ...


@app.errorhandler(OutOfStockError)  # wrong: arg-type, reportArgumentType
def without_the_error() -> str:
    return ""


@blog.app_errorhandler(OutOfStockError)  # wrong: arg-type, reportArgumentType
async def of_another_error_later(error: KeyError) -> str:
    return str(error)


app.errorhandler("404")  # wrong: call-overload, reportArgumentType
app.errorhandler(int)  # wrong: type-var, reportArgumentType


@app.errorhandler(OutOfStockError)
def misspelt(error: OutOfStockError) -> str:
    return str(error.right)  # wrong: attr-defined, reportAttributeAccessIssue
