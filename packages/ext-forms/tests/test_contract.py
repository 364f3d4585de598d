"""The extension keeps the contract of all extensions."""

from typing import ClassVar

from cruse.testing.contract import ExtensionContract
from cruse_forms import Forms


class TestForms(ExtensionContract):
    config: ClassVar = {"FORMS_CSRF_TRUSTED_ORIGINS": ("https://pay.example",)}

    def make_extension(self):
        return Forms()
