"""A browser of somebody who logs in wherever they are asked to, and says yes to everything."""

import re
from html import unescape
from urllib.parse import urljoin

import httpx2

FORM = re.compile(r'<form[^>]*action="([^"]*)"')
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
#: What is typed, or which button is pressed, where a page has such a field.
FIELDS = {
    "login": "ada",
    "password": "anything",
    "logout": "yes",  # the other provider's
    "decision": "allow",
}


class Browser:
    """Keeps cookies, follows redirects, fills in forms.

    Args:
        provider: The address whose forms are filled in.
    """

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.client = httpx2.Client(headers={"Accept": "text/html"}, timeout=30)
        #: How often it was asked who it is.
        self.asked = 0

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()

    def go(self, method: str, url: str, data=None, *, until: str | None = None, **typed: str):
        """Go on until there is a page of somebody else, or one without a form.

        Args:
            method: That of the first request.
            url: That of the first request.
            data: Its form.
            until: Stop before an address that begins like this; it is the answer's ``Location``.
            typed: What is typed into which field, beside :data:`FIELDS`.
        """
        for _ in range(20):
            answer = self.client.request(method, url, data=data)
            if answer.is_redirect:
                method, url, data = "GET", urljoin(url, answer.headers["Location"]), None
                if until is not None and url.startswith(until):
                    return answer
                continue
            form = FORM.search(answer.text)
            if not url.startswith(self.provider) or form is None or answer.is_error:
                return answer
            self.asked += 'name="login"' in answer.text
            values = {**FIELDS, **typed}
            method, url = "POST", urljoin(url, unescape(form[1]))
            data = {name: unescape(value) for name, value in HIDDEN.findall(answer.text)}
            data |= {name: values[name] for name in values if f'name="{name}"' in answer.text}
        raise AssertionError(f"The way ends nowhere: {url}")

    def back_from(self, url: str, callback: str) -> str:
        """Go to an address; return the one of the client that it was sent back to."""
        answer = self.go("GET", url, until=callback)
        assert answer.is_redirect, answer.text
        location: str = answer.headers["Location"]
        return location
