"""The settings of cruse-forms, read from the keys ``FORMS_...`` of an application's config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cruse_forms.origins import canonical_origin

__all__ = ["FormsSettings"]


@dataclass(frozen=True)
class FormsSettings:
    """What an application may set; the field ``csrf_mode`` is the key ``FORMS_CSRF_MODE``."""

    #: Whether requests that change something are protected against forgery by other sites.
    csrf: bool = True
    #: What proves that a request is the site's own: its headers (``"origin"``), its headers or,
    #: when they say nothing, a token (``"origin+token"``), or always a token (``"token"``).
    csrf_mode: Literal["origin", "origin+token", "token"] = "origin+token"
    #: Whether forged requests are only logged, and answered all the same.
    csrf_report_only: bool = False
    #: Other origins that may post here, such as ``"https://pay.example"``.
    csrf_trusted_origins: tuple[str, ...] = ()
    #: The form field that holds a token.
    csrf_field_name: str = "csrf_token"
    #: The request headers that may hold a token.
    csrf_headers: tuple[str, ...] = ("X-CSRFToken", "X-CSRF-Token")
    #: The most rows that a list in a form may have.
    max_rows: int = 1_000
    #: How deeply a JSON body may be nested.
    max_depth: int = 16

    #: The languages of error messages to choose from by what browsers accept, the default first;
    #: "*" stands for all that WTForms has. None are chosen from an empty tuple: it is English.
    locales: tuple[str, ...] = ()
    #: The folder of the templates that forms are rendered with: "forms" with plain class names,
    #: "bootstrap5", or one of the application's own; ``Meta.templates`` of a form comes first.
    templates: str = "forms"
    #: The status of a fragment that shows errors to htmx: 422, or 200 for versions before 4, which
    #: do not show anything that comes with an error's status.
    htmx_status: int = 422

    def __post_init__(self) -> None:
        """Write the trusted origins the way browsers do, so that they can be compared.

        Raises:
            ValueError: When one of them is no origin.
        """
        origins = tuple(map(canonical_origin, self.csrf_trusted_origins))
        object.__setattr__(self, "csrf_trusted_origins", origins)
