"""What the pages of a run and of a study share: where templates lie, and how text gets into HTML and Markdown."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from fliptrace.report import wording


def page_environment() -> Environment:
    """Templates whose name ends in .html escape what they print; in others filter `md` does, where it is named."""
    environment = Environment(
        loader=PackageLoader("fliptrace", "report/templates"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        name: getattr(wording, name)
        for name in ("figure", "signed", "percent", "interval", "count", "plural", "unbroken")
    }
    environment.filters |= {"md": _escape_markdown, "fence": _fence}
    return environment


def _escape_markdown(text: str) -> str:
    """Text that means nothing to Markdown, on one line, fit for a table's cell.

    >>> print(_escape_markdown("a|b\\n<script> *c*"))
    a\\|b \\<script> \\*c\\*
    """
    return "".join(f"\\{c}" if c in "\\`*_<|" else c for c in " ".join(text.split()))


def _fence(text: str) -> str:
    """The text as a code block, in a fence longer than any within it."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}text\n{text}\n{ticks}"
