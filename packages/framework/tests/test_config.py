"""Settings from objects, files and the environment."""

import json
import tomllib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cruse.config import Config, ConfigAttribute, lifetime
from cruse.settings import DEFAULTS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ANYTHING = st.one_of(JSON, st.binary(), st.builds(object), st.functions(), st.decimals())


@pytest.fixture
def config(tmp_path):
    return Config(tmp_path, DEFAULTS)


class Settings:
    DEBUG = True
    lower = "left out"
    Mixed = "left out"
    TOKEN_2 = "t"


def test_upper_case_attributes_of_an_object_are_taken(config):
    config.from_object(Settings)
    assert config["DEBUG"] is True
    assert config["TOKEN_2"] == "t"
    assert "lower" not in config
    assert "Mixed" not in config


def test_an_instance_gives_its_properties(config):
    class Computed:
        @property
        def DATABASE(self):  # noqa: N802
            return "sqlite://"

    config.from_object(Computed())
    assert config["DATABASE"] == "sqlite://"


def test_an_object_may_be_named(config):
    config.from_object("errno")
    assert isinstance(config["ENOENT"], int)


def test_an_unknown_name_is_an_import_error(config):
    with pytest.raises(ImportError):
        config.from_object("no.such:thing")


@given(values=st.dictionaries(st.from_regex(r"[A-Z][A-Z_0-9]{0,9}", fullmatch=True), ANYTHING))
def test_values_of_any_type_are_kept_as_they_are(values):
    config = Config("/")
    assert config.from_mapping(values) is True
    assert config.keys() == values.keys()
    assert all(config[key] is values[key] for key in values)


def test_only_upper_case_text_keys_of_a_mapping_are_taken(config):
    config.from_mapping({"A": 1, "b": 2, 3: "three", None: 4}, C=5, d=6)
    assert (config["A"], config["C"]) == (1, 5)
    assert not {"b", 3, None, "d"} & set(config)


def test_keyword_arguments_win_over_the_mapping(config):
    config.from_mapping({"A": 1}, A=2)
    assert config["A"] == 2


def test_a_python_file_is_run(config, tmp_path):
    (tmp_path / "settings.py").write_text("NAME = 'ä'\nHERE = __file__\nlower = 1\n", "utf-8")
    assert config.from_pyfile("settings.py") is True
    assert config["NAME"] == "ä"
    assert config["HERE"] == str(tmp_path / "settings.py")
    assert "lower" not in config


def test_an_error_in_a_python_file_names_the_file(config, tmp_path):
    (tmp_path / "settings.py").write_text("A = 1\nB = nope\n", "utf-8")
    with pytest.raises(NameError) as caught:
        config.from_pyfile("settings.py")
    assert caught.traceback[-1].path == tmp_path / "settings.py"
    assert caught.traceback[-1].lineno == 1


@pytest.mark.parametrize("name", ["missing.py", ".", "file.txt/below"])
def test_a_missing_file_is_an_error_unless_silent(config, tmp_path, name):
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(OSError, match="Unable to load configuration file"):
        config.from_pyfile(name)
    assert config.from_pyfile(name, silent=True) is False
    assert config.from_file(name, json.load, silent=True) is False


def test_other_errors_are_never_silent(config, tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Unable to load configuration file"):
        config.from_pyfile("loop", silent=True)


def test_json_and_toml_files(config, tmp_path):
    (tmp_path / "a.json").write_text('{"FROM_JSON": "ü", "lower": 1}', "utf-8")
    (tmp_path / "a.toml").write_bytes(b"FROM_TOML = 1979-05-27\nlower = 1\n")
    assert config.from_file("a.json", json.load)
    assert config.from_file(tmp_path / "a.toml", tomllib.load, text=False)
    assert config["FROM_JSON"] == "ü"
    assert config["FROM_TOML"].year == 1979
    assert "lower" not in config


def test_an_environment_variable_names_the_file(config, tmp_path, monkeypatch):
    (tmp_path / "prod.py").write_text("MODE = 'prod'")
    monkeypatch.setenv("APP_SETTINGS", "prod.py")
    assert config.from_envvar("APP_SETTINGS") is True
    assert config["MODE"] == "prod"


def test_the_environment_variable_may_be_missing(config, monkeypatch):
    monkeypatch.delenv("APP_SETTINGS", raising=False)
    assert config.from_envvar("APP_SETTINGS", silent=True) is False
    with pytest.raises(RuntimeError, match="'APP_SETTINGS' is not set"):
        config.from_envvar("APP_SETTINGS")


@pytest.mark.parametrize(("spelling", "value"), [("True", True), ("FALSE", False), ("no", "no")])
def test_switches_in_prefixed_variables_may_be_spelled_as_in_python(
    config, monkeypatch, spelling, value
):
    monkeypatch.setenv("CRUSE_DEBUG", spelling)
    monkeypatch.setenv("CRUSE_SIGN", spelling)
    config.from_prefixed_env()
    assert config["DEBUG"] == value
    assert config["SIGN"] == spelling


def test_prefixed_variables_are_json_or_text(config, monkeypatch):
    monkeypatch.setenv("CRUSE_ON", "true")
    monkeypatch.setenv("CRUSE_NUMBER", "5")
    monkeypatch.setenv("CRUSE_LIST", '["a", 1]')
    monkeypatch.setenv("CRUSE_TEXT", "no json")
    monkeypatch.setenv("CRUSE_DEEP", "[" * 100_000)
    monkeypatch.setenv("CRUSEOTHER", "1")
    assert config.from_prefixed_env() is True
    assert config["ON"] is True
    assert config["NUMBER"] == 5
    assert config["LIST"] == ["a", 1]
    assert config["TEXT"] == "no json"
    assert config["DEEP"].startswith("[[")
    assert "OTHER" not in config


def test_another_prefix_and_loader(config, monkeypatch):
    monkeypatch.setenv("MINE_A", "5")
    config.from_prefixed_env("MINE", loads=str)
    assert config["A"] == "5"


def test_two_underscores_step_into_dictionaries(config, monkeypatch):
    monkeypatch.setenv("CRUSE_SECURITY_HEADERS__X-Frame-Options", "DENY")
    monkeypatch.setenv("CRUSE_NEW__a__b", "1")
    monkeypatch.setenv("CRUSE_SERVER_NAME__x", "replaces None")
    config.from_prefixed_env()
    assert config["SECURITY_HEADERS"]["X-Frame-Options"] == "DENY"
    assert config["SECURITY_HEADERS"]["X-Content-Type-Options"] == "nosniff"
    assert config["NEW"] == {"a": {"b": 1}}
    assert config["SERVER_NAME"] == {"x": "replaces None"}


def test_stepping_in_changes_no_dictionary_of_somebody_else(monkeypatch):
    mine = {"A": {"inner": {"x": 1}}}
    config = Config("/", mine)
    monkeypatch.setenv("CRUSE_A__inner__x", "2")
    config.from_prefixed_env()
    assert config["A"] == {"inner": {"x": 2}}
    assert mine == {"A": {"inner": {"x": 1}}}


def test_a_key_with_two_underscores_that_exists_is_meant(config, monkeypatch):
    config["A__B"] = 0
    monkeypatch.setenv("CRUSE_A__B", "1")
    config.from_prefixed_env()
    assert config["A__B"] == 1


def test_stepping_into_text_is_a_clear_error(config, monkeypatch):
    monkeypatch.setenv("CRUSE_SESSION_COOKIE_NAME__x", "1")
    with pytest.raises(ValueError, match=r"'CRUSE_SESSION_COOKIE_NAME__x'.*type 'str'"):
        config.from_prefixed_env()


def test_namespaces(config):
    config.from_mapping(MAIL_SERVER="m", MAIL_USE_TLS=True)
    assert config.get_namespace("MAIL_") == {"server": "m", "use_tls": True}
    assert config.get_namespace("MAIL_", lowercase=False) == {"SERVER": "m", "USE_TLS": True}
    assert config.get_namespace("MAIL_", trim_namespace=False).keys() == {
        "mail_server",
        "mail_use_tls",
    }


def test_secrets_are_not_in_the_repr(config):
    config.from_mapping(SECRET_KEY="aaa", DB_PASSWORD="bbb", API_TOKEN="ccc", NAME="ddd")
    text = repr(config)
    assert not {"aaa", "bbb", "ccc"} & set(text.split("'"))
    assert "'NAME': 'ddd'" in text
    assert "'SECRET_KEY': '***'" in text


def test_secrets_within_a_setting_are_not_in_the_repr(config):
    config["MAIL"] = {"HOST": "mail", "PASSWORD": "aaa", "more": [{"api_token": "bbb"}]}
    config["BINDS"] = {"users": "db://me:ccc@host/", "others": ("db://me:ddd@host/",)}
    text = repr(config)
    assert not any(secret in text for secret in ("aaa", "bbb", "ccc", "ddd"))
    assert "'HOST': 'mail'" in text
    assert config["MAIL"]["PASSWORD"] == "aaa"


def test_applications_do_not_share_dictionaries():
    first, second = Config("/", DEFAULTS), Config("/", DEFAULTS)
    first["SECURITY_HEADERS"].clear()
    assert second["SECURITY_HEADERS"] == DEFAULTS["SECURITY_HEADERS"] != {}


def test_the_defaults_cannot_be_changed():
    with pytest.raises(TypeError):
        DEFAULTS["DEBUG"] = True


def test_the_defaults_are_the_safe_choices():
    assert DEFAULTS["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert DEFAULTS["SESSION_COOKIE_HTTPONLY"] is True
    assert DEFAULTS["MAX_CONTENT_LENGTH"] == 16 * 1024 * 1024
    assert DEFAULTS["SECURITY_HEADERS"]["X-Content-Type-Options"] == "nosniff"


def test_a_config_attribute_is_a_view_on_the_config():
    class App:
        life = ConfigAttribute("LIFE", get_converter=lifetime)
        name = ConfigAttribute[str]("NAME")

        def __init__(self):
            self.config = Config("/", {"LIFE": 60, "NAME": "n"})

    app = App()
    assert app.life == timedelta(minutes=1)
    app.life = timedelta(days=1)
    assert app.config["LIFE"] == timedelta(days=1)
    assert app.life == timedelta(days=1)
    assert app.name == "n"
    assert isinstance(App.life, ConfigAttribute)


def test_a_mapping_may_be_pairs(config):
    config.from_mapping([("TOWN", "Bree"), ("lower", 1)])
    assert (config["TOWN"], "lower" in config) == ("Bree", False)
