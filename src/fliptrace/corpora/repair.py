"""Repairs text that was decoded with the wrong character set, and nothing else about it.

MELD-FR holds Windows-1252 punctuation as C1 control characters, MaSaC UTF-8 read as Windows-1252. Quotes stay as
they are, nothing is normalised: what the corpus says is what a model sees.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _encoding_only() -> Any:
    import ftfy

    return ftfy.TextFixerConfig(
        fix_encoding=True,
        restore_byte_a0=True,
        decode_inconsistent_utf8=True,
        fix_c1_controls=True,
        fix_surrogates=True,
        replace_lossy_sequences=False,
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )


@lru_cache(maxsize=1 << 16)  # EFR cases repeat their dialogue: 35,000 rows of MELD-FR train are 8,641 distinct ones
def repair_text(text: str) -> str:
    """The text as its author's machine meant it.

    >>> repair_text("You\\x92re late \\x85")
    'You’re late …'
    >>> repair_text("“Fish &amp; chips”, she said")
    '“Fish &amp; chips”, she said'
    """
    if text.isascii():
        return text
    import ftfy

    return str(ftfy.fix_text(text, _encoding_only()))
