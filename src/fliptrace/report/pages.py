"""What the pages of runs and studies share: the templates, and the escaping of text for HTML and Markdown."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from fliptrace.report import wording


def page_environment() -> Environment:
    """The Jinja environment. Templates that end in .html escape all values; others escape with the filter `md`."""
    environment = Environment(
        loader=PackageLoader("fliptrace", "report/templates"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(wording, name)
        for name in ("decimals", "signed", "percent", "interval", "count", "plural", "unbroken")
    }
    environment.filters |= {"md": _escape_markdown, "fence": _fence}
    return environment


def _escape_markdown(text: str) -> str:
    """Escape text for Markdown, on one line, so that it fits into a cell of a table.

    >>> print(_escape_markdown("a|b\\n<script> *c*"))
    a\\|b \\<script> \\*c\\*
    """
    return "".join(f"\\{c}" if c in "\\`*_<|" else c for c in " ".join(text.split()))


def _fence(text: str) -> str:
    """The text as a code block, with a fence longer than any inside it."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}text\n{text}\n{ticks}"
