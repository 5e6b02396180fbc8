"""Reader for CHAT files of TalkBank and CHILDES (.cha), as the CHAT manual describes them.

Main lines (`*MOT: text`) are utterances; lines that begin with a tab continue them. Headers (`@`) and dependent tiers
(`%`) are left out, and so are fillers and fragments (`&-um`, `&+fr`), which CHAT does not count as words. Words that
the speaker took back and `xxx` (unintelligible) are kept, without their marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fliptrace.transcripts.source import NO_EVIDENCE, Evidence, RawUtterance, Reader, Source

_MAIN = re.compile(r"\*([^\s:*]{1,40}):[ \t]?(.*)", re.DOTALL)
_HEADER = re.compile(r"@(?:UTF8|Begin|End|Languages|Participants|ID|Media|PID|Window|Font|Loc)\b")
# Two times in milliseconds between control characters, or at the end of a line if a program dropped these characters.
_BULLET = re.compile(
    r"\x15(?:%(?:snd|mov):)?(?:\"[^\"\x15]{0,200}\"_?)?(\d{1,10})_(\d{1,10})-?\x15|(?:\s|^)[\x15•·]?(\d{1,10})_(\d{1,10})[•·]?\s*$"
)
_CUE = re.compile(r"\[=!\s?([^\[\]]{1,60})\]|&=([\w:]{1,60})")
_FILLER = re.compile(r"(?<!\S)<?&[-+~](?!=)[^\s<>\[\]]{1,40}")
_CODE = re.compile(r"\[[^\[\]]{0,200}\]")
_PAUSE = re.compile(
    r"\((?:\.{1,3}|\d{0,3}:?\d{1,4}\.?\d{0,3})\)|#\S{0,10}|\+[<^,+\"/.!?]{1,5}|[‡„≠]|\x02|[⌈⌉⌊⌋↑↓↗↘→∆∇▔▁°☺♋Ἡ∬⁎∙∾⟪⟫]"
)
_TERMINATOR = re.compile(r"\+(?:\.\.\.\??|//?[.?]|\.\.\?|\"/?[.?!]|!\?|\.)")
_MARKED = re.compile(r"[^\w\s.?!,;:'’-]|[_\d]|\s[.?!,;:]")
_SUFFIX = re.compile(r"@[a-z]{1,3}(?::[\w+&]{1,20})?(?:\$\w{1,10})?\b")


def read_chat_file(source: Source) -> Iterator[RawUtterance]:
    """Yield an utterance for each main line, with its time if it has one."""
    source.refuse_part("CHAT")
    num_fillers = 0
    for place, line in _joined(source):
        main = _MAIN.match(line)
        if main is None:
            kind = {"@": "header lines", "%": "lines of dependent tiers"}.get(line[:1], "lines of no tier")
            source.leave_out(place, line, kind)
            continue
        num_fillers += len(_FILLER.findall(main[2]))
        yield _utterance(place, main[1], main[2])
    if num_fillers:
        source.notes.append(f"fillers and fragments such as '&-um' removed: {num_fillers:,}")


def _joined(source: Source) -> Iterator[tuple[str, str]]:
    """The place and text of each line, together with the lines that continue it."""
    place, parts = "", list[str]()
    for number, line in enumerate(source.lines, start=1):
        if not line.strip():
            continue
        if line[0] in "\t " and parts:
            parts.append(line.strip())
            continue
        if parts:
            yield place, " ".join(parts)
        place, parts = f"line {number}", [line.rstrip().lstrip("\ufeff")]
    if parts:
        yield place, " ".join(parts)


def _utterance(place: str, speaker: str, text: str) -> RawUtterance:
    times = [(int(match[1] or match[3]), int(match[2] or match[4])) for match in _BULLET.finditer(text)]
    text = _BULLET.sub(" ", text)
    cues = tuple(dict.fromkeys((found[1] or found[2]).replace(":", " ").strip() for found in _CUE.finditer(text)))
    start = min((begun for begun, _ in times), default=None)
    end = max((ended for _, ended in times), default=None)
    seconds = (None if start is None else start / 1000, None if end is None else end / 1000)
    return RawUtterance(place, _words(text), speaker, *seconds, cues=cues)


def _words(text: str) -> str:
    """The words of a main line without the marks of CHAT; "" if there are none.

    >>> _words("oh <you are> [//] (be)cause &-um doggie@c (.) +...")
    'oh you are because doggie...'
    """
    if not _MARKED.search(text):
        return " ".join(text.split())
    text = _CODE.sub(" ", _FILLER.sub(" ", _CUE.sub(" ", text)))
    text = _TERMINATOR.sub(lambda found: " " + found[0].lstrip('+/"').replace("!?", "?!"), text)
    text = _SUFFIX.sub("", _PAUSE.sub(" ", text)).replace("<", " ").replace(">", " ")
    kept = []
    for word in text.split():
        if word[0] == "&":
            word = re.sub(r"^&(?:\*[A-Z]{3}:)?", "", word)  # words of a listener: &*MOT:yes
        word = word.replace("(", "").replace(")", "").replace("_", " ").replace("^", "")
        if word.startswith("0"):  # a word that is missing, or an action without words
            continue
        kept.append(word)
    said = re.sub(r" (?=[.?!,;:…]+(?:\s|$))", "", " ".join(filter(None, kept)))
    return said if any(letter.isalnum() for letter in said) else ""


def _sniff(source: Source) -> Evidence:
    head = source.text[:20_000].lstrip("\ufeff \n")
    if not _HEADER.match(head):
        return NO_EVIDENCE
    lines = head.split("\n")
    if any(line.startswith("*") and _MAIN.match(line) for line in lines) or "@Begin" in lines:
        return Evidence(1.0, "headers and main lines of CHAT")
    return NO_EVIDENCE


READER = Reader(
    "chat",
    (".cha",),
    _sniff,
    read_chat_file,
    title="CHAT (TalkBank, CHILDES)",
    example="@UTF8\n@Begin\n*MOT:\twhere is your shoe ?\n*CHI:\tupstairs .\n@End\n",
)
