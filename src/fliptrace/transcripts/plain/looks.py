"""How much words look like the name of a speaker, whatever the rest of the file says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from fliptrace.transcripts.plain.page import JOINERS
from fliptrace.transcripts.plain.words import FUNCTION_WORDS, NOT_NAMES, PARTICLES, ROLES, words_of

# The look of a name: 3 for a role or a speaker label of a tool, 2 for a capitalised name, down to NEVER.
NEVER = -4
_ID = re.compile(
    r"(?:speaker|spk|spkr|participant|part|person|user|agent|caller|customer|client|guest|host|moderator|interviewer|"
    r"interviewee|respondent|resp|voice|channel|witness|counsel|student|teacher|male|female|man|woman|unknown|int|"
    r"sprecher(?:in)?|teilnehmer(?:in)?|befragter?|interviewerin|locuteur|locutrice|intervenant|hablante|orador|"
    r"participante|parlante|interlocutore|spreker|talare|वक्ता|المتحدث|متحدث|说话人|发言人|話者)"
    r"(?:[\s_#.\-]{0,2}(?:\d{1,4}|(?-i:[A-Z])|one|two|three|four)|[\s_][a-z])?|[A-Z]{1,3}[\s_#\-]?\d{1,4}|"
    r"unknown speaker|unidentified (?:speaker|male|female|voice)|s\d{1,3}|p\d{1,3}",
    re.IGNORECASE,
)
_PRONOUNS = words_of(
    "me you them him her us ich i du er sie she he moi toi yo tú tu main mich they myself "
    "all both everyone everybody group crowd chorus alle todos tous"
)
_ALSO_NAMES = words_of("will may an do in hai ho ha ko se ki mi su le am son tu ne so main mark")

_ARTICLES = words_of("the el la le der die das il l a")
# A name that somebody chose in a chat: letters with digits or underscores among them
_HANDLE = re.compile(r"[^\W\d_]{1,20}(?:\d{1,8}[^\W\d_]|_\w|\d{2,8}$)\w{0,20}")
_BY_NAMES = words_of("old young big little new good bad")  # "Old Tom"
_BESIDE_ROLES = words_of("on in at of for from with")


@lru_cache(maxsize=20_000)
def key_of(name: str) -> str:
    """The key that names share if they differ only in case, blanks, joiners at the edges or the form of accents."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().strip(JOINERS).split())


@lru_cache(maxsize=20_000)
def look_of(name: str) -> int:
    """How much words look like a name, whatever the rest of the file says: from NEVER to 3.

    >>> [look_of(name) for name in ("SPEAKER_00", "team lead", "Mara Lind", "mara", "Maa ji", "Step 1", "one thing")]
    [3, 3, 2, 1, 0, -4, -4]
    """
    words = [word.strip(".,:'’\"()*_#@") for word in re.sub(r"\([^()]*\)", " ", name).split()]
    words = [word for word in words if word]
    if not words:
        return 0 if name else NEVER
    folded = [word.casefold() for word in words]
    if " ".join(folded) in _PRONOUNS:
        return 1 if len(words[0]) > 1 else 2
    if _ID.fullmatch(name) and not re.fullmatch(r"(?i)[pq]s", name):
        return 3
    if folded[0] in _ARTICLES and len(words) > 1:
        return 3 if (folded[1] in ROLES or folded[-1] in ROLES) and len(words) <= 4 else NEVER
    return 1 if _is_role_at(folded) else _look_of_words(name, words)


def _look_of_words(name: str, words: Sequence[str]) -> int:
    """The look of words that are neither a pronoun, nor the label of a speaker, nor a role after an article."""
    folded = [word.casefold() for word in words]
    has_role = folded[-1] in ROLES or folded[0] in ROLES
    lettered = [word for word in words if any(letter.isalpha() for letter in word)]
    if not lettered:
        return 0
    cased = [word for word in lettered if word[0].lower() != word[0].upper()]
    lower = [word for word in cased if word[0].islower() and word.casefold() not in PARTICLES]
    if len(words) == 2 and folded[0] in _BY_NAMES and all(word[0].isupper() for word in words):
        return 1
    if folded[0] in NOT_NAMES and not (folded[-1] in ROLES and len(words) > 1):
        return NEVER
    if len(words) > 1 and any(word.casefold() in FUNCTION_WORDS for word in lower if len(word) > 1 or word == "i"):
        return NEVER
    if folded[0] in FUNCTION_WORDS and folded[0] not in _ALSO_NAMES and len(words[0]) > 1:
        return NEVER
    if len(words) > 1 and folded[-1] in NOT_NAMES:
        return NEVER if words[-1][0].islower() else 0
    if has_role and len(words) <= 4:
        return 3
    if name.count(",") == 1 and not _is_surname_first(name):
        return NEVER
    if not cased:
        return (2, 2, 1, -1, -2, -2)[min(len(words), 6) - 1]
    if not lower:
        return 2 if len(words) <= 4 else 1
    if len(words) == 1:
        return 2 if _HANDLE.fullmatch(name) else 1
    return 0 if len(words) <= 3 else -2


def _is_role_at(words: Sequence[str]) -> bool:
    """Whether words are a role and where it is played: `supervisor on duty`, `nurse in training`."""
    is_role = words[0] in ROLES or words[0] in ("head", "chief")
    return is_role and 3 <= len(words) <= 4 and words[1] in _BESIDE_ROLES and words[-1] not in FUNCTION_WORDS


def _is_surname_first(name: str) -> bool:
    """Whether a name with a comma is that of one person: `Lind, Mara`, `van der Berg, Piet`."""
    surname, _, given = name.partition(",")
    num_words = sum(word.casefold() not in PARTICLES for word in surname.split())
    return num_words in (1, 2) and surname == surname.rstrip() and 1 <= len(given.split()) <= 3
