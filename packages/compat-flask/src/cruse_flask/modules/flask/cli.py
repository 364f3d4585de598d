"""The command line."""

from typing import Any

import click

from cruse.cli import (
    AppGroup,
    NoAppException,
    ScriptInfo,
    load_dotenv,
    pass_script_info,
    routes_command,
    run_command,
    shell_command,
    with_appcontext,
)
from cruse.cli.discovery import (
    find_app_by_string,
    find_best_app,
    locate_app,
    prepare_import,
)
from cruse.cli.options import (
    version_option,
)
from cruse.cli.run import (
    CertParamType,
    SeparatedPathType,
)
from cruse.devserver import (
    show_server_banner,
)
from cruse.globals import (
    current_app,
)
from cruse_flask.borrowed import provide
from cruse_flask.cli import (
    FlaskGroup,
    cli,
    main,
)
from cruse_flask.environment import (
    get_debug_flag,
    get_load_dotenv,
)

__all__ = [
    "AppGroup",
    "CertParamType",
    "FlaskGroup",
    "NoAppException",
    "ScriptInfo",
    "SeparatedPathType",
    "cli",
    "click",
    "current_app",
    "find_app_by_string",
    "find_best_app",
    "get_debug_flag",
    "get_load_dotenv",
    "load_dotenv",
    "locate_app",
    "main",
    "pass_script_info",
    "prepare_import",
    "routes_command",
    "run_command",
    "shell_command",
    "show_server_banner",
    "version_option",
    "with_appcontext",
]


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
