"""A plug-in for pytest: what the WSGI test clients do goes through a checker of PEP 3333.

pytest -p tests.conformance.wsgi_checkers --wsgi-checker=wsgiref packages/framework/tests
"""

import warnings
import wsgiref.validate

import pytest
import werkzeug.test
from werkzeug.middleware.lint import LintMiddleware

from cruse import Cruse

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports cgi where that is left
    import webtest.lint

CHECKERS = {
    "wsgiref": wsgiref.validate.validator,
    "werkzeug": LintMiddleware,
    "webtest": webtest.lint.middleware,
}

#: What the checkers find that is right all the same: their words, and where it is said.
RIGHT = {
    # RFC 9110 section 10.2.2: a Location may be relative.
    "Absolute URLs required for location header",
    # RFC 9110 section 8.6: a server must not send a Content-Length with 204.
    "204 responses must have an empty content length",
    # RFC 9110 section 15.3.5: the fields of a 204 are those of the resource; and Flask's are.
    "Content-Type header found in a 204 response",
    # RFC 9110 section 9.1: methods may be of anybody's making, and a test makes one.
    "Unknown REQUEST_METHOD",
}
call = werkzeug.test.run_wsgi_app
# Some tests leave a stream unread on purpose, which the checkers see when it is collected.
wsgiref.validate.IteratorWrapper.__del__ = lambda self: None
webtest.lint.IteratorWrapper.__del__ = lambda self: None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--wsgi-checker", choices=sorted(CHECKERS), required=True)


def pytest_configure(config: pytest.Config) -> None:
    make_checker = CHECKERS[config.getoption("--wsgi-checker")]

    def checked(app, environ, buffered=False):
        # RFC 9110 section 9.3.2: the length of an answer to HEAD is that of the body that is not
        # sent, which werkzeug's checker takes for a mistake.
        if isinstance(app, Cruse) and environ["REQUEST_METHOD"] != "HEAD":
            app = make_checker(app)
        return call(app, environ, buffered)

    werkzeug.test.run_wsgi_app = checked


@pytest.fixture(autouse=True)
def findings_are_errors():
    """Let what a checker says fail the test, but for what is right."""
    with warnings.catch_warnings():
        for message in RIGHT:
            warnings.filterwarnings("ignore", message)
        yield
