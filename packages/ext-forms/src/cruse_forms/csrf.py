"""What has to do with forged requests, under the names of Flask-WTF where it has one."""

from __future__ import annotations

from cruse_forms.extension import Forms
from cruse_forms.policy import Reason
from cruse_forms.protection import CSRFError
from cruse_forms.tokens import csrf_meta_tag, csrf_token, rotate_csrf_token

__all__ = [
    "CSRFError",
    "CSRFProtect",
    "Reason",
    "csrf_meta_tag",
    "csrf_token",
    "generate_csrf",
    "rotate_csrf_token",
]

CSRFProtect = Forms
generate_csrf = csrf_token
