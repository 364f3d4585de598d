"""The extension keeps the contract of all extensions."""

from cruse.testing.contract import ExtensionContract
from cruse_forms import Forms


class TestForms(ExtensionContract):
    config = {"FORMS_CSRF_TRUSTED_ORIGINS": ("https://pay.example",)}

    def make_extension(self):
        return Forms()
