"""Finding the rule for a path: a tree compiled from a live ``werkzeug.routing.Map``.

Werkzeug's map is where rules are kept, built and redirected; its matcher costs about twenty
Python calls. The tree here answers the usual case, a rule that matches as it stands, from the
same compiled parts in the same order of weights. It grows as far as requests come, so that the
first one does not wait for a copy of all rules. Whatever is unusual (no match, a slash too many
or too few, aliases, default redirects, hosts and subdomains) is left to werkzeug's own adapter, so
that there is one source of truth for those rules: :meth:`Router.match` returns ``None`` then.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import ImmutableDict
from werkzeug.routing import BaseConverter, FloatConverter, IntegerConverter, ValidationError
from werkzeug.routing import Map as WerkzeugMap
from werkzeug.routing import Rule as WerkzeugRule
from werkzeug.routing.converters import NumberConverter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.routing import RuleFactory
    from werkzeug.routing.matcher import State
    from werkzeug.routing.rules import RulePart

    from cruse.plans import Plan

    Conversion = Callable[[str], Any] | None
    _Leaf = tuple[Mapping[str, State], bool, dict[str | None, tuple["Route", str, Conversion]]]

__all__ = ["HANDSHAKE", "NOWHERE", "Map", "Route", "Router", "Rule"]

MAX_DIGITS = 400  # int() of thousands of digits is slow, and refused with a ValueError at 4,300


class ASCIIInteger(IntegerConverter):
    r"""Digits 0 to 9 only: ``\\d`` also takes those of every other script."""

    regex = rf"[0-9]{{1,{MAX_DIGITS}}}"


class ASCIIFloat(FloatConverter):
    """Digits 0 to 9 only, and not so many in front of the point that they give infinity."""

    regex = rf"[0-9]{{1,300}}\.[0-9]{{1,{MAX_DIGITS}}}"


class Rule(WerkzeugRule):
    """A URL rule.

    Args:
        string: The rule, such as ``"/users/<int:id>"``.
        inline: Let a quick sync view run on the event loop instead of in a thread.
        hooks: Whether the functions registered to run before and after requests do so here.
        compress: Whether responses are compressed here, if ``COMPRESS_RESPONSES`` is on.
        stream: Hand the body to the view unread.
        options: What ``werkzeug.routing.Rule`` takes.
    """

    provide_automatic_options: bool = False

    def __init__(
        self,
        string: str,
        *,
        inline: bool = False,
        hooks: bool = True,
        compress: bool = True,
        stream: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(string, **options)
        self.inline = inline
        self.hooks = hooks
        self.compress = compress
        self.stream = stream

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Compile what builds URLs of this rule, as late as that can be.

        It is nine tenths of what making a rule takes, and most rules never build a URL. Where a
        mistake would be found by it, in defaults or names, it is found as early as ever.
        """
        names = [name for variable, name in self._trace if variable]
        if self.defaults or len(names) != len(self._converters) or _NO_PARAMETERS & set(names):
            return super()._compile_builder(append_unknown)
        return _LATE_BUILDERS[append_unknown]

    def get_empty_kwargs(self) -> Mapping[str, Any]:
        """Return the arguments that make an unbound copy (werkzeug's rule factories)."""
        own = {key: getattr(self, key) for key in ("inline", "hooks", "compress", "stream")}
        return {**super().get_empty_kwargs(), **own}


_NO_PARAMETERS = {"None", "True", "False", "__debug__"}  # no function has one of that name


def _late_builder(attribute: str, append_unknown: bool) -> Callable[..., tuple[str, str]]:
    def build(rule: Rule, /, **values: Any) -> tuple[str, str]:
        compiled = WerkzeugRule._compile_builder(rule, append_unknown).__get__(rule, None)
        setattr(rule, attribute, compiled)
        built: tuple[str, str] = compiled(**values)
        return built

    return build


_LATE_BUILDERS = {
    False: _late_builder("_build", False),
    True: _late_builder("_build_unknown", True),
}


class Map(WerkzeugMap):
    """A map of rules that counts its changes; its numbers are of ASCII digits only."""

    default_converters = ImmutableDict(
        WerkzeugMap.default_converters, int=ASCIIInteger, float=ASCIIFloat
    )
    #: That of the lock held while the rules are sorted; who reads them takes it, too.
    lock_class = staticmethod(threading.RLock)  # type: ignore[assignment] # a function before 3.14
    #: How often rules were added.
    version: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.version = 0
        super().__init__(*args, **kwargs)

    def add(self, rulefactory: RuleFactory) -> None:
        """Add rules, also while requests are answered."""
        try:
            super().add(rulefactory)
        except LookupError as error:  # of a converter
            error.add_note(
                f"Raised by the rule {str(rulefactory)!r}. The converters are: "
                f"{', '.join(sorted(self.converters))}."
            )
            raise
        self.version += 1


class Route:
    """A rule with what the pipeline has compiled for it."""

    __slots__ = (
        "compress", "converters", "defaults", "endpoint", "hooks", "inline", "methods", "plan",
        "rule", "simple", "stream", "websocket",
    )  # fmt: skip

    def __init__(self, rule: WerkzeugRule, simple: bool) -> None:
        self.rule = rule
        self.endpoint: str = rule.endpoint
        self.methods = rule.methods
        self.websocket = rule.websocket
        self.defaults: dict[str, Any] | None = dict(rule.defaults or {}) or None
        self.inline: bool = getattr(rule, "inline", False)
        self.hooks: bool = getattr(rule, "hooks", True)
        self.compress: bool = getattr(rule, "compress", True)
        self.stream: bool = getattr(rule, "stream", False)
        self.plan: Plan | None = None
        self.simple = simple
        self.converters = [
            (str(name), _conversion(converter)) for name, converter in rule._converters.items()
        ]


def _conversion(converter: BaseConverter) -> Conversion:
    """Return what makes a value of the text; ``None`` where it is the text itself."""
    if type(converter).to_python is BaseConverter.to_python:
        return None
    if (
        isinstance(converter, NumberConverter)
        and type(converter).to_python is NumberConverter.to_python
        and not converter.fixed_digits
        and converter.min is None
        and converter.max is None
    ):
        return converter.num_convert  # there is nothing that the converter would check
    return converter.to_python


class _Step:
    """A variable part of a path and where it leads."""

    __slots__ = ("digits", "final", "find", "groups", "node", "suffixed")

    def __init__(self, part: RulePart, node: _Node) -> None:
        find, self.groups = _pattern(part.content)
        #: Whether the text without a slash is of ASCII digits, for which no pattern is needed.
        self.digits = part.content == _DIGITS
        any_segment = (self.digits or part.content == _ANY_SEGMENT) and not part.final
        self.find = None if any_segment else find  # None: any text without a slash
        self.final = part.final
        self.suffixed = part.suffixed
        self.node = node


class _Node:
    """A place in the tree, one step further for each segment of a path.

    The root is behind the empty segment that every path begins with.

    Args:
        state: The state of werkzeug's machine that this is made from.
        table: What gives the routes.
        path: The path that leads here, ``None`` where it has variable parts or empty segments.
    """

    __slots__ = ("ahead", "by_method", "dynamic", "path", "routes", "static", "table")

    def __init__(self, state: State, table: _Table, path: str | None) -> None:
        self.table = table
        self.path = path
        #: What is behind each fixed segment; the nodes of it are made when a path leads there.
        self.ahead = state.static
        self.static: dict[str, _Node] = {}
        weighed = sorted(state.dynamic, key=lambda way: way[0].weight)  # the map may not be, yet
        self.dynamic = [_Step(part, table.node(behind, None)) for part, behind in weighed]
        self.routes = [table.route(rule) for rule in state.rules]
        #: The routes by method, where no order among them counts.
        self.by_method: dict[str | None, Route] = {}
        if all(route.methods is not None and not route.websocket for route in self.routes):
            for route in reversed(self.routes):
                self.by_method |= dict.fromkeys(route.methods or (), route)
        first = self.dynamic[0] if self.dynamic else None
        if path is not None and first is not None and first.find is None:
            ends = first.node.by_method.items()
            table.leaves[path] = (
                self.ahead,
                first.digits,
                {way: (r, *r.converters[0]) for way, r in ends if r.simple and not r.defaults},
            )

    def grow(self, segment: str) -> _Node:
        """Make the node behind a fixed segment."""
        path = None if self.path is None or not segment else f"{self.path}/{segment}"
        node = self.static[segment] = self.table.node(self.ahead[segment], path)
        return node


class _Table:
    """What is known of one version of a map, dropped as a whole when rules are added.

    Args:
        url_map: The map.
        version: That of the map.
    """

    __slots__ = ("alone", "firsts", "leaves", "map", "root", "routes", "static", "version")

    def __init__(self, url_map: Map, version: int) -> None:
        self.map = url_map
        self.version = version
        #: The routes that were needed, by the ids of their rules.
        self.routes: dict[int, Route] = {}
        #: Those of them without variable parts that were found, by path and method.
        self.static: dict[str, dict[str, Route]] = {}
        #: Where a path may end with a variable part, by the fixed path before that: the fixed
        #: segments that come first there, whether the part is of digits, and by method the routes,
        #: with the name of their argument and what makes its value. As many as there are nodes.
        self.leaves: dict[str, _Leaf] = {}
        states = url_map._matcher._root
        #: Whether no rule is for a variable host or subdomain.
        self.alone = not states.dynamic
        #: What paths begin with, where nothing else matches whatever is behind it.
        self.firsts: Mapping[str, State] | None = None
        self.root: _Node | None = None
        if not url_map.host_matching:  # a map of hosts is left to werkzeug
            start = states.static.get(url_map.default_subdomain)
            if start is not None and "" in start.static:
                self.root = self.node(start.static[""], "")
                if self.alone and not self.root.dynamic:
                    self.firsts = self.root.ahead

    def node(self, state: State, path: str | None) -> _Node:
        """Make the node for a state, which this path leads to if it is fixed."""
        with self.map._remap_lock:  # a list that is being sorted looks empty to other threads
            return _Node(state, self, path)

    def route(self, rule: WerkzeugRule) -> Route:
        """Return what was compiled for a rule of the map."""
        known = self.routes.get(id(rule))
        if known is not None:
            return known
        with self.map._remap_lock:
            return self.routes.setdefault(id(rule), Route(rule, self._is_simple(rule)))

    def _is_simple(self, rule: WerkzeugRule) -> bool:
        """Whether a rule that matches is the answer, and never a redirect to another."""
        if rule.redirect_to is not None or not self.map.redirect_defaults:
            return rule.redirect_to is None
        alike = self.map._rules_by_endpoint[rule.endpoint]
        return not (rule.alias or any(other.defaults for other in alike))


#: It is sure that no rule matches a path, whatever the method. Not raised: it is kept, not thrown.
NOWHERE: Any = object()
#: Stands in the place of a method.
HANDSHAKE = "the handshake of a websocket"
_ASK_WERKZEUG: Any = object()  # stops the search: what follows has rules of its own
_ANY_SEGMENT = r"(?P<__werkzeug_0>[^/]{1,})\Z"
_DIGITS = rf"(?P<__werkzeug_0>{ASCIIInteger.regex})\Z"


class Router:
    """Matches paths against a map and notices when rules were added to it."""

    def __init__(self, url_map: Map) -> None:
        self.map = url_map
        self.table = _Table(url_map, url_map.version)

    def current(self) -> _Table:
        """Return what is known of the map as it is now."""
        table = self.table
        if table.version != self.map.version:
            table = self.table = _Table(self.map, self.map.version)
        return table

    def match(self, path: str, method: str) -> tuple[Route, dict[str, Any]] | None:
        """Return the route for a path and its values, or ``None``: ask werkzeug's adapter.

        :data:`NOWHERE` when it is sure that no rule matches, whatever the method. Who has many
        requests looks first into ``table.static``, where the routes of fixed paths are kept that
        this has found.

        Args:
            path: The decoded path, with its leading slash, below the application's root.
            method: The HTTP method in upper case; :data:`HANDSHAKE` for that of a websocket, for
                which other rules are.
        """
        table = self.table
        if table.version != self.map.version:
            table = self.current()
        folder, slash, last = path.rpartition("/")
        leaf = table.leaves.get(folder)
        if leaf is not None and last and slash:
            ahead, digits, by_method = leaf
            if last not in ahead and (
                not digits or (last.isdecimal() and last.isascii() and len(last) <= MAX_DIGITS)
            ):
                known = by_method.get(method)
                if known is not None:
                    route, name, to_python = known
                    try:
                        return route, {name: last if to_python is None else to_python(last)}
                    except ValidationError:
                        return None
        root, segments = table.root, path.split("/")
        if root is None or segments[0] or len(segments) == 1:
            return None  # the path does not begin with a slash
        if first := segments[1]:
            if table.firsts is not None and first not in table.firsts:
                return NOWHERE if "//" not in path else None
        elif len(segments) > 2:
            return None  # it begins with two of them
        return _find(table, root, segments, path, method)

    def route(self, rule: WerkzeugRule) -> Route:
        """Return what was compiled for a rule; a rule that is not in the map is compiled now."""
        return self.current().route(rule) if rule.map is self.map else Route(rule, simple=False)


def _find(
    table: _Table, root: _Node, segments: list[str], path: str, method: str
) -> tuple[Route, dict[str, Any]] | None:
    """Search the tree; see :meth:`Router.match`."""
    values: list[str] = []
    found = _search(root, segments, 1, values, method)
    if found is None and table.alone and "//" not in path:
        other = _search(root, segments, 1, [], None)  # the method may be another
        return NOWHERE if other is None else None
    if found is None or found is _ASK_WERKZEUG or not found.simple:
        return None
    if not values and (found.methods is not None or method == HANDSHAKE):
        # As many as there are; methods may be anything.
        table.static.setdefault(path, {})[method] = found
    return _with_values(found, values)


def _with_values(route: Route, values: list[str]) -> tuple[Route, dict[str, Any]] | None:
    """Return a route with its arguments, ``None`` where a converter does not take one."""
    arguments: dict[str, Any] = {}
    try:
        for name, to_python in route.converters:
            value = values[len(arguments)]
            arguments[name] = value if to_python is None else to_python(value)
    except ValidationError:
        return None
    if route.defaults:
        arguments |= route.defaults
    return route, arguments


def _accepting(routes: list[Route], method: str | None) -> Route | None:
    if method is None:  # any
        return routes[0] if routes else None
    for route in routes:
        if route.websocket:
            if method == HANDSHAKE and (route.methods is None or "GET" in route.methods):
                return route
        elif method != HANDSHAKE and (route.methods is None or method in route.methods):
            return route
    return None


def _search(
    node: _Node, segments: list[str], index: int, values: list[str], method: str | None
) -> Any:
    """Return the first route in the order of weights, ``None``, or ``_ASK_WERKZEUG``.

    Args:
        node: Where it begins.
        segments: Those of the path.
        index: Which of them is next.
        values: Takes the texts of the variable parts; some of no use where nothing is found.
        method: The method; ``None`` for any.
    """
    size = len(segments)
    while index < size:  # as long as there is one way on: nothing to come back for
        segment, steps = segments[index], node.dynamic
        if not segment:
            return _try_each(node, segments, index, values, method)
        if segment in node.ahead:
            if steps:
                return _try_each(node, segments, index, values, method)
            node = node.static.get(segment) or node.grow(segment)
            index += 1
        elif len(steps) == 1:
            step = steps[0]
            index = _take(step, segments, index, values)
            if index <= 0:
                return _ASK_WERKZEUG if index else None
            node = step.node
        elif steps:
            return _try_each(node, segments, index, values, method)
        else:
            return None
    found = node.by_method.get(method) or _accepting(node.routes, method)
    if found is None and "" in node.ahead:
        return _ASK_WERKZEUG  # it would match with a slash behind
    return found


def _try_each(
    node: _Node, segments: list[str], index: int, values: list[str], method: str | None
) -> Any:
    """Search on by the fixed segment of a node, then by its variable parts in turn."""
    segment, mark = segments[index], len(values)
    if segment in node.ahead:
        child = node.static.get(segment) or node.grow(segment)
        found = _search(child, segments, index + 1, values, method)
        if found is not None:
            return found
    for step in node.dynamic:
        del values[mark:]
        after = _take(step, segments, index, values)
        if after < 0:
            return _ASK_WERKZEUG
        if after:
            found = _search(step.node, segments, after, values, method)
            if found is not None:
                return found
    if not segment and index == len(segments) - 1 and node.routes:
        return _ASK_WERKZEUG  # it may match without the slash behind
    return None


def _take(step: _Step, segments: list[str], index: int, values: list[str]) -> int:
    """Return the index behind what a variable part takes; 0 for nothing, -1: ask werkzeug."""
    segment = segments[index]
    if step.find is None:
        if not segment or (
            step.digits
            and not (segment.isdecimal() and segment.isascii() and len(segment) <= MAX_DIGITS)
        ):
            return 0
        values.append(segment)
        return index + 1
    match = step.find("/".join(segments[index:]) if step.final else segment)
    if match is None:
        return 0
    if step.suffixed and match[match.re.groups] == "/":
        return -1
    values += [match[name] for name in step.groups]
    return len(segments) if step.final else index + 1


@lru_cache(64)  # most applications have a few kinds of parts, and many of each
def _pattern(content: str) -> tuple[Callable[[str], re.Match[str] | None] | None, tuple[str, ...]]:
    """Return what finds a variable part, and the names of the groups with its values in order."""
    pattern = re.compile(content)
    names = [name for name in pattern.groupindex if name.startswith("__werkzeug_")]
    names.sort(key=lambda name: int(name.removeprefix("__werkzeug_")))
    return pattern.match, tuple(names)
