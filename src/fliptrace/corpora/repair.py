"""Repair of text that was decoded with the wrong character set.

MELD-FR contains Windows-1252 punctuation as C1 control characters; MaSaC contains UTF-8 decoded as Windows-1252.
Nothing else is changed: quotes are kept and nothing is normalised, so models see the text of the corpus.
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


@lru_cache(maxsize=1 << 16)  # EFR cases repeat utterances: 35,000 rows of MELD-FR train, 8,641 of them distinct
def repair_text(text: str) -> str:
    """Undo wrong decoding of a text.

    >>> repair_text("You\\x92re late \\x85")
    'You’re late …'
    >>> repair_text("“Fish &amp; chips”, she said")
    '“Fish &amp; chips”, she said'
    """
    if text.isascii():
        return text
    import ftfy

    return str(ftfy.fix_text(text, _encoding_only()))
