"""``cruse check``: mistakes in settings and templates, and what is unsafe in production."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from cruse.checks import find_all
from cruse.cli.script import with_appcontext
from cruse.globals import current_app

__all__ = ["check_command"]


@click.command("check", short_help="Look for mistakes in settings and templates.")
@click.option("--deploy", is_flag=True, help="Look for what is unsafe in production, too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
@with_appcontext
def check_command(ctx: click.Context, deploy: bool, as_json: bool) -> None:
    """Look for mistakes in settings, templates and extensions.

    Ends with 1 when there is an error; warnings are for information.
    """
    findings = find_all(current_app, deploy)
    errors = sum(finding.level == "error" for finding in findings)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            color = "red" if finding.level == "error" else "yellow"
            click.echo(
                f"{click.style(finding.level, fg=color)} {finding.subject}: {finding.message}"
            )
        click.echo(f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}.")
    ctx.exit(1 if errors else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
