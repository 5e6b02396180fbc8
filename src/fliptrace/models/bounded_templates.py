"""Chat templates in a sandbox with bounded memory: a template of a stranger's model folder cannot fill the machine.

Every text that a template makes has at most MAX_LENGTH signs, every list as many bytes; beyond that, TemplateError.
Loops are not bounded in time. Source of the settings: transformers 5, utils/chat_template_utils.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from math import prod
from typing import Any, NoReturn

from jinja2 import Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_LENGTH = 50_000_000  # more than twice the longest transcript that is read


@lru_cache
def compile_template(template: str) -> Template:
    """Compile a template with the settings of transformers but no clock function, since ChatFormat defines its own."""
    return _BoundedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]).from_string(template)


class _JoiningGenerator(CodeGenerator):
    """Compiles `~` to a call of `concat`, as Jinja does for blocks and whole templates."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("concat(map(str, (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write(")))")


class _BoundedEnvironment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["*", "**", "+", "%"])
    code_generator_class = _JoiningGenerator

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.filters = {name: _bounded(work) for name, work in (self.filters | {"tojson": _to_json}).items()}
        self.globals["raise_exception"] = _raise_exception

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        known = list(parts)
        _check(sum(map(len, known)))
        return "".join(known)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "+":
            _check(_size(left) + _size(right))
        elif operator == "%" and isinstance(left, str):
            raise TemplateError("a template may not format text with %")
        elif operator == "**":
            _check(abs(right) * 100 if isinstance(right, int) else 0)
        else:
            _check(_growth([left, right]))
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _check(_growth([getattr(obj, "__self__", None), *args, *kwargs.values()]))
        return super().call(context, obj, *args, **kwargs)


def _bounded(work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work)  # keeps the mark of filters that take the context
    def checked(*args: Any, **kwargs: Any) -> Any:
        _check(_growth([*args, *kwargs.values()]))
        return work(*args, **kwargs)

    return checked


def _growth(values: Iterable[Any]) -> int:
    """The most that an operation on these values makes: `replace` and `*` make the product of lengths and numbers."""
    return prod(max(1, value if isinstance(value, int) else _size(value)) for value in values)


def _size(value: Any) -> int:
    """The length of a text; that of a list is counted in bytes, of which each item takes 8."""
    if isinstance(value, str):
        return len(value)
    return 8 * len(value) if isinstance(value, list | tuple) else 1


def _check(length: int) -> None:
    if length > MAX_LENGTH:
        raise TemplateError(f"a template makes a text or a list of over {MAX_LENGTH:,} signs")


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Replacement for Jinja's `tojson` filter, which escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    raise TemplateError(message)
