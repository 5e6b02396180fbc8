"""Templates that would fill the memory are refused before they do, and ordinary ones give what Jinja gives."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fliptrace.models.bounded_templates import MAX_LENGTH, compile_template

DOUBLE = "{% set x = 'aaaaaaaaaa' %}"

HOSTILE = {
    "a product": "{{ 'a' * 300000000 }}",
    "a list": "{{ ([0] * 300000000) | length }}",
    "a number": "{{ 9 ** (9 ** 9) }}",
    "a width": "{{ 'a'.ljust(300000000) }}",
    "a filter's width": "{{ 'a' | center(300000000) }}",
    "a named width": "{{ 'a' | indent(width=300000000, first=true) }}",
    "JSON": "{{ [1] | tojson(indent=300000000) }}",
    "a format": "{{ '%0300000000d' % 1 }}",
    "replace": "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
    "the filter replace": "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
    "join": "{{ ('b' * 100000).join(['a'] * 100000) }}",
    "sums": DOUBLE + "{% set x = x + x %}" * 40,
    "~": DOUBLE + "{% set x = x ~ x %}" * 40,
    "blocks": DOUBLE + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40,
    "a macro": "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}" + DOUBLE + "{% set x = m(x) %}" * 40,
    "lists": "{% set x = [1] %}" + "{% set x = x + x %}" * 40,
    "output": "{% for i in range(90000) %}{{ 'a' * 1000 }}{% endfor %}",
    "a huge range": "{% for i in range(10000000) %}a{% endfor %}",
}


@pytest.mark.parametrize("template", HOSTILE.values(), ids=list(HOSTILE))
def test_a_template_that_makes_too_much_is_refused(template: str) -> None:
    tracemalloc.start()
    begun = time.process_time()
    try:
        with pytest.raises((TemplateError, OverflowError)):
            compile_template(template).render()
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_LENGTH
    finally:
        tracemalloc.stop()
    assert time.process_time() - begun < 20


ORDINARY = (
    "{{ 'a' ~ 1 ~ none ~ [1] ~ undefined }}",
    "{% for m in messages %}{{ loop.index ~ ': ' + m['content'] | trim }}{% endfor %}",
    "{{ '-' * 3 }}{{ 2 ** 8 }}{{ 7 % 4 }}{{ [1] + [2] }}{{ 3 * 5000000 }}",
    "{% set x %}{{ 'a' }}{% endset %}{{ x.replace('a', 'bb') | upper }}{{ 'a,b'.split(',') | join('-') }}",
    "{% macro m(t) %}<{{ t }}>{% endmacro %}{{ m('x') ~ m('y') }}{{ '{}'.format(1) }}",
    "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
)


@pytest.mark.parametrize("template", ORDINARY)
def test_an_ordinary_template_gives_what_jinja_gives(template: str) -> None:
    chat = [{"content": " hello "}, {"content": "world"}]
    expected = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
    assert compile_template(template).render(messages=chat) == expected.render(messages=chat)
