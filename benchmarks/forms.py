"""What a form costs: cruse-forms beside plain WTForms, Flask-WTF and Django's forms.

    python benchmarks/forms.py [--rounds 40]

The same form of five fields, within a request whose body is read already. All variants run in this
process, one small block after another, turn by turn, so that whatever else the machine does hits
them alike. The figure is the least of the blocks, in microseconds of CPU time; the ratio is to it.
Flask-WTF and Django take part if they are installed, as they are in the environment ``bench``.
"Whole groups" have labels, help, errors and what ties them together; WTForms has none.
"""

import argparse
import contextlib
import time

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, EmailField, IntegerField, PasswordField, StringField
from wtforms import Form as PlainForm
from wtforms.validators import DataRequired, Length, NumberRange, Regexp

from cruse import Cruse
from cruse_forms import Form, Forms

BLOCK = 100
VALID = {
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "age": "36",
    "password": "difference engine",
    "terms": "y",
}
INVALID = {**VALID, "name": "", "age": "200"}
EMAIL = r"[^@]+@[^@]+$"


def make_class(base):
    return type(
        "Signup",
        (base,),
        {
            "name": StringField("Name", [DataRequired(), Length(max=80)]),
            "email": EmailField("E-mail", [DataRequired(), Regexp(EMAIL)]),
            "age": IntegerField("Age", [NumberRange(0, 150)]),
            "password": PasswordField("Password", [DataRequired(), Length(min=8)]),
            "terms": BooleanField("Terms", [DataRequired()]),
        },
    )


def html(form):
    return "".join(f"{field.label} {field()}" for field in form)


def flask_like(signup, context):
    """Return the variants for a form that finds the request by itself."""
    return {
        "make, without data": (context(VALID), lambda: signup(None)),
        "bind": (context(VALID), signup),
        "bind and validate": (context(VALID), lambda: signup().validate_on_submit()),
        "bind and find errors": (context(INVALID), lambda: signup().validate_on_submit()),
    }


def cruse_variants():
    forms = Forms()
    app = Cruse("bench", extensions=[forms])
    signup = make_class(Form)

    def context(data):
        own = {"Sec-Fetch-Site": "same-origin"}
        return lambda: app.test_request_context("/", method="POST", data=data, headers=own)

    with context(VALID)():
        bound = signup()
    return {
        **flask_like(signup, context),
        "labels and inputs": (context(VALID), lambda: html(bound)),
        "whole groups": (context(VALID), bound.render),
        "check of the request": (context(VALID), forms.protect),
    }


def wtforms_variants():
    signup = make_class(PlainForm)
    valid, invalid = MultiDict(VALID), MultiDict(INVALID)
    bound = signup(valid)
    nothing = contextlib.nullcontext
    return {
        "make, without data": (nothing, signup),
        "bind": (nothing, lambda: signup(valid)),
        "bind and validate": (nothing, lambda: signup(valid).validate()),
        "bind and find errors": (nothing, lambda: signup(invalid).validate()),
        "labels and inputs": (nothing, lambda: html(bound)),
    }


def flask_variants():
    try:
        from flask import Flask
        from flask_wtf import FlaskForm
        from flask_wtf.csrf import generate_csrf, validate_csrf
    except ImportError:
        return {}
    app = Flask("bench")
    app.config.update(SECRET_KEY="bench", WTF_CSRF_ENABLED=False)
    signup = make_class(FlaskForm)
    token = []

    def context(data):
        return lambda: app.test_request_context("/", method="POST", data=data)

    @contextlib.contextmanager
    def with_token():
        with app.test_request_context("/", method="POST"):
            token[:] = [generate_csrf()]
            yield

    with context(VALID)():
        bound = signup()
    return {
        **flask_like(signup, context),
        "labels and inputs": (context(VALID), lambda: html(bound)),
        "check of the request": (with_token, lambda: validate_csrf(token[0])),
    }


def django_variants():
    try:
        import django
        from django import forms
        from django.conf import settings
        from django.http import QueryDict
        from django.utils.http import urlencode
    except ImportError:
        return {}
    settings.configure(USE_I18N=False)
    django.setup()
    signup = type(
        "Signup",
        (forms.Form,),
        {
            "name": forms.CharField(max_length=80),
            "email": forms.RegexField(EMAIL),
            "age": forms.IntegerField(min_value=0, max_value=150),
            "password": forms.CharField(min_length=8, widget=forms.PasswordInput),
            "terms": forms.BooleanField(),
        },
    )
    valid, invalid = QueryDict(urlencode(VALID)), QueryDict(urlencode(INVALID))
    bound = signup(valid)
    nothing = contextlib.nullcontext
    return {
        "make, without data": (nothing, signup),
        "bind": (nothing, lambda: signup(valid)),
        "bind and validate": (nothing, lambda: signup(valid).is_valid()),
        "bind and find errors": (nothing, lambda: signup(invalid).is_valid()),
        "labels and inputs": (
            nothing,
            lambda: "".join(f"{field.label_tag()} {field}" for field in bound),
        ),
        "whole groups": (nothing, bound.as_div),
    }


def block(context, function):
    with context():
        function()  # reads the body
        start = time.process_time()
        for _ in range(BLOCK):
            function()
        return (time.process_time() - start) / BLOCK * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    ours = cruse_variants()
    others = {
        "WTForms": wtforms_variants(),
        "Flask-WTF": flask_variants(),
        "Django": django_variants(),
    }
    print(f"{'':22}{'cruse-forms':>12}" + "".join(f"{name:>20}" for name in others))
    for row, mine in ours.items():
        runs = {"": mine, **{name: each[row] for name, each in others.items() if row in each}}
        taken = {name: [] for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                taken[name].append(block(*run))
        least = {name: min(each) for name, each in taken.items()}
        line = f"{row:22}{least['']:>12.1f}"
        for name in others:
            figure = f"{least[name]:.1f} ({least[name] / least['']:.2f} x)" if name in runs else ""
            line += f"{figure:>20}"
        print(line)


if __name__ == "__main__":
    main()
