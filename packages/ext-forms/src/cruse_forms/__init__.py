"""Forms for Cruse: WTForms bound to the request, with CSRF protection by default.

Fields and validators are WTForms' own: import them from ``wtforms`` and ``wtforms.validators``.
"""

from __future__ import annotations

from cruse_forms.csrf import CSRFError, CSRFProtect, csrf_meta_tag, csrf_token, rotate_csrf_token
from cruse_forms.dependencies import depends_on
from cruse_forms.extension import Forms, FormsState
from cruse_forms.form import Form
from cruse_forms.rows import Rows
from cruse_forms.settings import FormsSettings

__all__ = [
    "CSRFError",
    "CSRFProtect",
    "FlaskForm",
    "Form",
    "Forms",
    "FormsSettings",
    "FormsState",
    "Rows",
    "csrf_meta_tag",
    "csrf_token",
    "depends_on",
    "rotate_csrf_token",
]

FlaskForm = Form
