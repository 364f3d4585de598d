"""Print the public names of ``flask`` and how they are called, as JSON: ``signatures.py [alias]``.

With ``alias`` it is what Cruse gives under that name. A parameter is written as its name, the kind
of it, and whether it has a default. ``signatures.py names`` prints all names, also those that are
private or from elsewhere, and ``signatures.py alias names`` those of its input that are missing.
"""

import importlib
import inspect
import json
import sys
import warnings

MODULES = [
    "flask",
    "flask.app",
    "flask.blueprints",
    "flask.cli",
    "flask.config",
    "flask.ctx",
    "flask.debughelpers",
    "flask.globals",
    "flask.helpers",
    "flask.json",
    "flask.json.provider",
    "flask.json.tag",
    "flask.logging",
    "flask.sansio.app",
    "flask.sansio.blueprints",
    "flask.sansio.scaffold",
    "flask.sessions",
    "flask.signals",
    "flask.templating",
    "flask.testing",
    "flask.typing",
    "flask.views",
    "flask.wrappers",
]


GIVE_ALL = ("flask", "flask.globals", "flask.json", "flask.signals")


def parameters(function):
    """The parameters of a function; ``None`` when it has no signature."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError, RuntimeError):  # a proxy, which stands for nothing here
        return None
    return [
        [each.name, each.kind.name, each.default is not each.empty]
        for each in signature.parameters.values()
    ]


def methods(cls):
    """The public methods of a class and their parameters, and its other public names."""
    found = {}
    for name in dir(cls):
        if not name.startswith("_") and name != "mro":
            value = inspect.getattr_static(cls, name)
            if inspect.ismemberdescriptor(value):
                continue  # a slot, which others have as an attribute of the instance
            is_method = inspect.isfunction(value) or isinstance(value, classmethod | staticmethod)
            found[name] = parameters(getattr(cls, name)) if is_method else None
    return found


def described():
    """All public names of all modules."""
    found = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name, value in vars(module).items():
            origin = getattr(value, "__module__", None) or ""
            foreign = callable(value) and not origin.startswith(("flask", "cruse"))
            if name.startswith(("_", "T_")) or name in ("F", "T", "annotations"):
                continue
            if inspect.ismodule(value) or foreign:
                continue
            entry = {
                "call": parameters(value) if callable(value) else None,
                # Most modules import what they need, which is not theirs to give.
                "own": origin == module_name or module_name in GIVE_ALL,
            }
            if inspect.isclass(value):
                entry["methods"] = methods(value)
            found[f"{module_name}.{name}"] = entry
    return found


def names():
    """Each module, with all names that can be imported from it."""
    found = {}
    for module_name in MODULES:
        all_names = dir(importlib.import_module(module_name))
        found[module_name] = [name for name in all_names if not name.startswith("__")]
    return found


def missing(wanted):
    """Those of so many names that can't be imported."""
    return [
        f"{module_name}.{name}"
        for module_name, all_names in wanted.items()
        for name in all_names
        if not hasattr(importlib.import_module(module_name), name)
    ]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "alias" in sys.argv:
        import cruse_flask

        cruse_flask.install()
    if "names" not in sys.argv:
        found = described()
    elif "alias" in sys.argv:
        found = missing(json.load(sys.stdin))
    else:
        found = names()
    json.dump(found, sys.stdout)
