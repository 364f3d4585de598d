"""Settings: a dictionary that can be filled from objects, files and the environment.

Only upper-case keys are settings; whatever else an object or a file holds is left out. Values
may be of any type.
"""

from __future__ import annotations

import errno
import json
import os
import re
from datetime import timedelta
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar, overload

from werkzeug.utils import import_string

from cruse.settings import SWITCHES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Protocol, Self

    class _HasConfig(Protocol):
        @property  # read-only, so that a subclass may have a config of its own class
        def config(self) -> Config: ...


__all__ = ["Config", "ConfigAttribute", "lifetime"]

T = TypeVar("T")

# Compiled when a configuration is shown, not at the import.
_SECRETS = r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|_KEY$"
_PASSWORDS = r"(?<=://)([^/:@]*:)[^/]*@"
_SPELLED = {"true": True, "false": False}
_NO_SUCH_FILE = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR)


class ConfigAttribute(Generic[T]):
    """An attribute of the application that is stored in its config.

    Args:
        name: Where in ``app.config`` the value is.
        get_converter: Called with the stored value whenever the attribute is read.
    """

    def __init__(self, name: str, get_converter: Callable[[Any], T] | None = None) -> None:
        self.key = name
        self.get_converter = get_converter

    @overload
    def __get__(self, obj: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, obj: _HasConfig, owner: type[Any]) -> T: ...

    def __get__(self, obj: _HasConfig | None, owner: type[Any] | None = None) -> T | Self:
        if obj is None:
            return self
        value = obj.config[self.key]
        converted: T = value if self.get_converter is None else self.get_converter(value)
        return converted

    def __set__(self, obj: _HasConfig, value: Any) -> None:
        obj.config[self.key] = value


def lifetime(value: timedelta | float) -> timedelta:
    """Read a duration that may be given as a number of seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


class Config(dict[str, Any]):
    """The settings of one application.

    Args:
        root_path: The folder that relative names of files start from.
        defaults: Settings to begin with. Dictionaries among the values are copied, so that no
            two applications share one.
    """

    def __init__(
        self, root_path: str | os.PathLike[str], defaults: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(
            (key, dict(value) if type(value) is dict else value)
            for key, value in (defaults or {}).items()
        )
        self.root_path = root_path

    def from_object(self, obj: object | str) -> None:
        """Take the upper-case attributes of an object: a module, a class, an instance.

        Args:
            obj: The object, or the name to import it by (``"package.module:Name"``). A class
                with properties has to be instantiated first.
        """
        source = import_string(obj) if isinstance(obj, str) else obj
        for key in dir(source):
            if key.isupper():
                self[key] = getattr(source, key)

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Run a Python file and take its upper-case variables.

        Args:
            filename: The file, relative to ``root_path`` or absolute. It is run as a program is:
                it must be one that you trust.
            silent: Return False instead of raising when there is no such file.
        """
        path = os.path.join(self.root_path, filename)
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            return _missing(error, silent)
        module = ModuleType("config")
        module.__file__ = path
        # Running the file is what a configuration written in Python is for.
        exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102
        self.from_object(module)
        return True

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Run the Python file that an environment variable names; see :meth:`from_pyfile`.

        Raises:
            RuntimeError: When the variable is not set, unless ``silent``.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise RuntimeError(
            f"The environment variable {variable_name!r} is not set, so the configuration could"
            " not be loaded. Set it to the path of a configuration file."
        )

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[IO[Any]], Mapping[Any, Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Take the upper-case keys of what ``load`` makes of a file.

        Args:
            filename: The file, relative to ``root_path`` or absolute.
            load: Reads a mapping from the open file: ``json.load``, ``tomllib.load``...
            silent: Return False instead of raising when there is no such file.
            text: Open the file as UTF-8 text; ``tomllib.load`` needs bytes.
        """
        path = os.path.join(self.root_path, filename)
        try:
            with open(path, "r" if text else "rb", encoding="utf-8" if text else None) as file:
                mapping = load(file)
        except OSError as error:
            return _missing(error, silent)
        return self.from_mapping(mapping)

    def from_mapping(
        self, mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None = None, **kwargs: Any
    ) -> bool:
        """Take the upper-case keys of a mapping and of the keyword arguments, which win.

        Args:
            mapping: A mapping or, as :class:`dict` takes them, pairs of key and value.
            kwargs: Further settings.
        """
        for source in (dict(mapping or {}), kwargs):
            for key, value in source.items():
                # A YAML or TOML loader may well give keys that are no strings.
                if isinstance(key, str) and key.isupper():
                    self[key] = value
        return True

    def from_prefixed_env(
        self, prefix: str = "CRUSE", *, loads: Callable[[str], Any] = json.loads
    ) -> bool:
        """Take the environment variables that start with the prefix and an underscore.

        A value that ``loads`` can read is taken as what it gives (``true``, ``5``, ``["a"]``), any
        other one as the string it is. Two underscores step into a dictionary:
        ``CRUSE_SECURITY_HEADERS__X-Frame-Options=DENY`` sets one header and keeps the others.
        A switch of the framework's may be spelled ``True`` and ``False``, too. The variables are
        taken in alphabetical order.

        Raises:
            ValueError: When a variable steps into a setting that is no dictionary.
        """
        start = f"{prefix}_"
        for name in sorted(os.environ):
            if name.startswith(start):
                key, value = name.removeprefix(start), _load(loads, os.environ[name])
                if key in SWITCHES and isinstance(value, str):
                    value = _SPELLED.get(value.lower(), value)
                self._set_nested(name, key, value)
        return True

    def _set_nested(self, name: str, key: str, value: Any) -> None:
        *outer, last = key.split("__") if key not in self else [key]
        target: dict[Any, Any] = self
        for part in outer:
            inner = target.get(part)
            if inner is not None and not isinstance(inner, dict):
                raise ValueError(
                    f"The environment variable {name!r} sets a part of {part!r}, but that setting"
                    f" is no dictionary, it is of type {type(inner).__name__!r}."
                )
            # A copy: the dictionary may be shared with whoever set it.
            target[part] = target = dict(inner or {})
        target[last] = value

    def get_namespace(
        self, namespace: str, lowercase: bool = True, trim_namespace: bool = True
    ) -> dict[str, Any]:
        """Return the settings whose keys start with ``namespace``.

        Args:
            namespace: The common start, with its underscore: ``"MAIL_"``.
            lowercase: Make the keys lower case, to pass them on as keyword arguments.
            trim_namespace: Leave the common start out.
        """
        cut = len(namespace) if trim_namespace else 0
        return {
            key[cut:].lower() if lowercase else key[cut:]: value
            for key, value in self.items()
            if key.startswith(namespace)
        }

    def __repr__(self) -> str:
        # Settings end up in logs and tracebacks; what unlocks something must not.
        return f"<{type(self).__name__} {_without_secrets(dict(self))!r}>"


def _is_secret(key: str) -> bool:
    return re.search(_SECRETS, key.upper()) is not None


def _without_secrets(value: Any) -> Any:
    """Return a value with what is secret in it masked, also in what it holds; URLs' passwords."""
    if isinstance(value, dict):
        return {
            key: "***" if inner and _is_secret(str(key)) else _without_secrets(inner)
            for key, inner in value.items()
        }
    if type(value) in (list, tuple):
        return type(value)(map(_without_secrets, value))
    return re.sub(_PASSWORDS, r"\1***@", value) if isinstance(value, str) else value


def _missing(error: OSError, silent: bool) -> bool:
    """Return False for a file that is not there and need not be; else raise the error."""
    if silent and error.errno in _NO_SUCH_FILE:
        return False
    error.strerror = f"Unable to load configuration file ({error.strerror})"
    raise error


def _load(loads: Callable[[str], Any], text: str) -> Any:
    try:
        return loads(text)
    except Exception:  # whatever a loader raises for what it cannot read, text is text
        return text
