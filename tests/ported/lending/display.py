"""What templates know: filters, tests, globals, and what every page shows."""

import datetime

from flask import current_app, g, session
from markupsafe import Markup, escape


def stars(count):
    return Markup('<span class="stars">%s</span>') % ("★" * count)


def init_app(app):
    app.add_template_filter(stars)

    @app.template_filter("surname_first")
    def surname_first(author):
        *names, surname = author.split()
        return f"{surname}, {' '.join(names)}"

    @app.template_test("overdue")
    def is_overdue(due):
        return due < today().isoformat()

    @app.template_global()
    def loan_days():
        return current_app.config["LOAN_DAYS"]

    @app.context_processor
    def shelf():
        return {"town": current_app.config.get("TOWN", "unnamed"), "basket": basket}

    @app.shell_context_processor
    def tools():
        return {"today": today}


def basket():
    return session.get("basket", [])


def today():
    return current_app.config.get("TODAY") or datetime.date.today()


def greeting():
    return escape(g.reader["name"]) if g.get("reader") else "stranger"
