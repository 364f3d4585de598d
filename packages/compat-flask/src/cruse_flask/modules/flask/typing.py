"""Types."""

from typing import Any, TypeAlias, TypeVar

from cruse.responses import Response
from cruse.typing import (
    AfterRequestCallable,
    BeforeRequestCallable,
    ErrorHandlerCallable,
    HeadersValue,
    HeaderValue,
    ResponseReturnValue,
    ResponseValue,
    RouteCallable,
    ShellContextProcessorCallable,
    TeardownCallable,
    TemplateContextProcessorCallable,
    TemplateFilterCallable,
    TemplateGlobalCallable,
    TemplateTestCallable,
    URLDefaultCallable,
    URLValuePreprocessorCallable,
)
from cruse_flask.borrowed import provide

__all__ = [
    "AfterRequestCallable",
    "AppOrBlueprintKey",
    "BeforeFirstRequestCallable",
    "BeforeRequestCallable",
    "ErrorHandlerCallable",
    "HeaderValue",
    "HeadersValue",
    "ResponseClass",
    "ResponseReturnValue",
    "ResponseValue",
    "RouteCallable",
    "ShellContextProcessorCallable",
    "TeardownCallable",
    "TemplateContextProcessorCallable",
    "TemplateFilterCallable",
    "TemplateGlobalCallable",
    "TemplateTestCallable",
    "URLDefaultCallable",
    "URLValuePreprocessorCallable",
]

AppOrBlueprintKey: TypeAlias = str | None
BeforeFirstRequestCallable: TypeAlias = Any
ResponseClass = TypeVar("ResponseClass", bound=Response)


def __getattr__(name: str) -> Any:
    return provide(__name__, name)
