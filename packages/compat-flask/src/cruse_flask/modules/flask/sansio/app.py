"""The set-up side of an application."""

from cruse_flask.application import Flask as App

__all__ = ["App"]
