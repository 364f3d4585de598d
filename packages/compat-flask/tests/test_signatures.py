"""Every public name of Flask 3.1 is there, and is called as it is called there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Functions of Flask that are written for itself alone, and have no underscore.
INTERNAL = {"flask.cli.get_version", "flask.debughelpers.explain_template_loading_attempts"}
# Names what it passes on, where Flask takes anything.
NAMED = {"flask.testing.FlaskClient"}
# Private functions, and other things that Flask has for itself.
PRIVATE = {
    *("_app_option", "_debug_option", "_env_file_option", "_env_file_callback", "_set_app"),
    *("_set_debug", "_validate_key", "_called_with_wrong_args", "_path_is_ancestor"),
    *("_default", "_default_template_ctx_processor", "_dump_loader_info", "_find_package_path"),
    *("_get_werkzeug_version", "_werkzeug_version", "_lazy_sha1", "_make_timedelta", "_sentinel"),
    *("_no_app_msg", "_no_req_msg", "_signals", "_split_blueprint_path", "DeferredSetupFunction"),
    *("annotations", "t"),
}


def described(*arguments, given=""):
    program = Path(__file__).with_name("signatures.py")
    done = subprocess.run(
        [sys.executable, program, *arguments],
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def real():
    return {name: entry for name, entry in described().items() if entry["own"]}


@pytest.fixture(scope="module")
def alias():
    return described("alias")


def accepts(ours, theirs):
    """Whether whatever can be passed to theirs can be passed to ours, and means the same."""
    kinds = {kind for _, kind, _ in ours}
    for position, (name, kind, has_default) in enumerate(theirs):
        if kind.startswith("VAR_"):
            if kind not in kinds:
                return False
        elif position < len(ours) and ours[position][0] == name:
            if has_default and not ours[position][2]:
                return False
        elif kind == "KEYWORD_ONLY":
            if name not in {each[0] for each in ours} and "VAR_KEYWORD" not in kinds:
                return False
        elif "VAR_POSITIONAL" not in kinds:
            return False
    names = {name for name, _, _ in theirs}
    more = [each for each in ours if each[0] not in names and not each[1].startswith("VAR_")]
    takes_more = {kind for _, kind, _ in theirs if kind.startswith("VAR_")}
    return bool(takes_more) or all(has_default for _, _, has_default in more)


def test_every_name_is_there(real, alias):
    assert sorted(real.keys() - alias.keys() - INTERNAL) == []


def test_what_its_modules_have_from_elsewhere_can_be_imported_from_there():
    missing = described("alias", "names", given=json.dumps(described("names")))
    assert {name for name in missing if name.rpartition(".")[2] not in PRIVATE} - INTERNAL == set()


def test_every_method_is_there(real, alias):
    missing = [
        f"{name}.{method}"
        for name in real.keys() & alias.keys()
        for method in real[name].get("methods", {}).keys() - alias[name].get("methods", {}).keys()
    ]
    assert sorted(missing) == []


def test_everything_is_called_as_there(real, alias):
    other = {}
    for name in real.keys() & alias.keys():
        calls = {name: (alias[name]["call"], real[name]["call"])}
        for method, theirs in real[name].get("methods", {}).items():
            calls[f"{name}.{method}"] = (alias[name]["methods"].get(method), theirs)
        for called, (ours, theirs) in calls.items():
            if theirs is not None and (ours is None or not accepts(ours, theirs)):
                other[called] = f"{ours} instead of {theirs}"
    assert other.keys() - NAMED == set(), other
