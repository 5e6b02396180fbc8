"""Lines that are not speech: dates, titles, keywords, attendees, messages of the tool, footers, page numbers."""

from __future__ import annotations

import re

from fliptrace.transcripts.plain.stamps import CLOCK, DATE

_NOTICES = (
    r"transcribed by\b.{0,120}",
    r"(?:this|the|please note)\b.{0,60}\btranscript(?:ion)?\b.{0,60}\b(?:generated|transcribed|automat|"
    r"final form|contain|edited|created)\b.{0,240}",
    r"(?:automatic(?:ally)?|auto-?|machine|computer|ai)[ -](?:generated|transcribed|transcript)\b.{0,160}",
    r"(?:meeting|transcription|transcript|recording|call|audio|interview|session)\s(?:was\s)?(?:ended|"
    r"ends|started|starts|"
    r"stopped|stops|began|begins|paused|resumed|concluded|adjourned)\b.{0,80}",
    r"(?:the )?(?:end|start|beginning) of (?:the )?(?:transcript(?:ion)?|recording|audio|interview|tape|"
    r"call|meeting|session|side \w|file|part \w{1,5})\b.{0,40}",
    r".{1,60}\s(?:has |have )?(?:started|stopped|ended|paused|resumed|enabled|disabled) (?:the |"
    r"a )?(?:transcription|recording|transcript|live captions|meeting|call)\b.{0,40}",
    r".{1,60}\s(?:has )?(?:joined|left)(?: the)? (?:meeting|call|conversation|chat|session|room)\.?",
    r".{1,60}\shat (?:die|das|den) (?:transkription|aufzeichnung|besprechung|transkript|meeting) .{1,40}",
    r"(?:transkription|aufzeichnung|besprechung|transkript)\s(?:beendet|gestartet|wurde).{0,60}",
    r"(?:generated|created|exported|produced|recorded|downloaded|powered|captured) (?:by|with|from|using|"
    r"via)\b.{0,120}",
    r"(?:this is a )?rush transcript\b.{0,200}",
    r"(?:page|seite|página|pagina) \d{1,5}(?: ?(?:of|/|von|de|di) ?\d{1,5})?",
    r"[-–—] ?\d{1,5} ?[-–—]|\d{1,4} ?/ ?\d{1,4}",
    r"https?://[\w.\-]{0,80}(?:otter\.ai|rev\.com|trint\.com|sonix\.ai|descript\.com|happyscribe\.com?|temi\.com|"
    r"fireflies\.ai|zoom\.us|turboscribe\.ai|notta\.ai|tactiq\.io|read\.ai)(?:[/?#]\S{0,300})?",
    r"(?:©|\(c\)|copyright)\b.{0,160}",
    r"(?:edited|view|read) (?:the )?(?:original|full|more|transcript)\b.{0,160}",
    r"\(?whereupon\b.{0,200}",
    r"(?:the )?(?:above|foregoing) .{0,200}\b(?:record|transcript)\b.{0,100}",
)
_NOTICE = re.compile("|".join(f"(?:{each})" for each in _NOTICES), re.IGNORECASE)
_PROCEDURE = re.compile(
    r"(?:(?:FURTHER |CONTINUED )?(?:DIRECT |CROSS[- ]?|RE-?DIRECT |"
    r"RE-?CROSS[- ]?)?EXAMINATION)(?: \(?CONTINUED\)?)?(?: BY .{1,40})?:?|"
    r"(?:QUESTIONS )?BY (?:MR|MS|MRS|DR|THE|ATTORNEY)\b[A-Z. '\-]{1,40}:?|P R O C E E D I N G S|PROCEEDINGS"
)
_WEEKDAY = (
    r"(?:mon|tue|wed|thu|fri|sat|sun|die|mit|don|fre|sam|son|lun|mar|mié|mer|jeu|ven|sab|dom|dim|jue|"
    r"vie)[a-zéäá]{0,9}\.?"
)
_DATE_LINE = re.compile(
    rf"(?:{_WEEKDAY},?\s)?{DATE}(?:(?:[\s,•|·–—-]|\bat\b|\bum\b|UTC|GMT|CE?S?T|[AaPp]\.?[Mm]\.?|\(|\)|"
    rf"[+-]\d{{1,4}}){{1,9}}(?:{CLOCK}|"
    r"\d{1,3}\s?(?:h|m|s|min|mins|minutes|hours?|sec)\b)?){0,6}",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_WITH_DATE = re.compile(DATE)
_LABEL = re.compile(
    r"(?:summary keywords|keywords|summary|speakers?|attendees|participants|attendance|present|invitees|"
    r"invited|guests|transcript|"
    r"transcription|transkript|teilnehmer|teilnehmende|anwesend|participantes|action items|overview|"
    r"outline|notes|agenda|"
    r"details|chapters|topics|meeting notes|recording|subject|date|time|duration|location|title|cast|characters)\s?:?",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?:date|time|duration|length|location|place|title|subject|topic|participants?|attendees|present|"
    r"speakers?|keywords|"
    r"interviewers?|interviewees?|file(?: ?name)?|recording|project|case|meeting|meeting id|call id|id|"
    r"language|transcriber|"
    r"transcribed by|organi[sz]er|host|from|to|cc|sent|re|study|site|version|datum|dauer|ort|teilnehmer|teilnehmende|"
    r"projekt|sprache|thema|titel|datei|uhrzeit|fecha|lugar|duración|participantes|date and time|lieu|"
    r"durée|agent id|queue|"
    r"channel|status|apologies|absent|regrets|key|legend|abbreviations|chaired by|minutes by|note ?taker|scribe|"
    r"speaker key|speaker labels|transcription key|"
    r"case (?:no|number|id)|call (?:start|end|date|time|duration))\s?[:：]\s?.{0,300}",
    re.IGNORECASE,
)


_LEGEND = re.compile(r"[^\W_][\w.]{0,11}\s?(?:=|≙)\s?[^\W\d_]{2}")
_PEOPLE = re.compile(
    r"(?:participants|attendees|apologies|absent|regrets|speakers|present|in attendance|key|legend|abbreviations|"
    r"speaker key|teilnehmer|teilnehmende|anwesend|abwesend|entschuldigt|participantes|présents|absents|asistentes)"
    r"\s?[:：]\s?\S",
    re.IGNORECASE,
)
_NUMBER = (
    r"(?:[IVXLC]{1,6}|\d{1,3}|(?i:one|two|three|four|five|six|first|second|third|fourth|fifth|"
    r"1st|2nd|3rd|eins|zwei|drei|erste|premier|première|primero|primo))"
)
_SCENE = re.compile(
    rf"(?:ACT|SCENE|PROLOGUE|EPILOGUE|AKT|SZENE|AUFZUG|AUFTRITT|ACTE|SCÈNE|ACTO|ESCENA|ATTO|SCENA|Act|Scene|Akt|Szene|"
    rf"Acte|Scène)(?:\s{_NUMBER})?(?:\s?[.:,;–—-]\s?.{{0,80}})?|"
    rf"(?i:{_NUMBER}\.?\s(?:act|scene|akt|szene|aufzug|auftritt))\.?|(?i:(?:the )?curtain(?: falls| rises)?)\.?"
)
_LINK = re.compile(r"<?https?://\S{1,300}?>?")
_TRANSCRIPT = re.compile(
    r"(?:(?:full|complete|meeting|call|interview|verbatim|audio|conversation|the) )?transcript(?:ion)?\s?:?|"
    r"(?:vollständiges )?transkript(?:ion)?\s?:?|transcripción\s?:?|trascrizione\s?:?|transcrição\s?:?",
    re.IGNORECASE,
)


def notice_of(text: str) -> str | None:
    """The kind of a line that is not speech, as a plural noun; None for any other line.

    >>> notice_of("Transcribed by https://otter.ai"), notice_of("Tue, Mar 4, 2025 10:02AM • 12:31"), notice_of("Hi!")
    ('messages of the transcription tool', 'date lines', None)
    """
    text = text.strip().strip("[]()*_").strip(" \t*_👋")
    if not text or len(text) > 400:
        return None
    if _DIGIT.search(text) is not None and _DATE_LINE.fullmatch(text):
        return "date lines"
    if text[0] in "BCDEFPQR" and _PROCEDURE.fullmatch(text):
        return "lines of procedure"
    return "messages of the transcription tool" if _NOTICE.fullmatch(text) else None


def is_label(text: str) -> bool:
    """Whether a line is the title of a part that is not speech: SUMMARY KEYWORDS, Attendees, Transcript."""
    return len(text) <= 40 and _LABEL.fullmatch(text.strip().strip("*_#").strip()) is not None


def is_field(text: str) -> bool:
    """Whether a line gives a fact about the file, such as `Date: 4 March`."""
    return len(text) <= 320 and _FIELD.fullmatch(text.strip()) is not None


def is_legend(text: str) -> bool:
    """Whether a text explains short names: `T = therapist, C = client`."""
    return _LEGEND.match(text.strip()) is not None and len(text) <= 200


def is_list_of_people(text: str) -> bool:
    """Whether a line says who took part: `Participants: ...`, `Apologies: ...`."""
    return _PEOPLE.match(text.strip()) is not None and len(text) <= 400


def is_scene(text: str) -> bool:
    """Whether a line is the heading of an act or a scene of a play.

    >>> [is_scene(text) for text in ("ACT ONE", "Scene 2: A garden", "Scene of the crime", "SCENE 1")]
    [True, True, False, True]
    """
    return len(text) <= 100 and _SCENE.fullmatch(text.strip()) is not None


def is_link(text: str) -> bool:
    """Whether a line is a web address and nothing else."""
    return _LINK.fullmatch(text.strip()) is not None


def is_start_of_transcript(text: str) -> bool:
    """Whether a line says that the transcript begins below it."""
    return len(text) <= 40 and _TRANSCRIPT.fullmatch(text.strip().strip("*_#=-[] ")) is not None


def is_title(text: str) -> bool:
    """Whether a line before the first speaker is a title: short, without the end of a sentence, or with a date."""
    words = text.split()
    if _WITH_DATE.search(text) and len(words) <= 20:
        return True
    return len(words) <= 12 and text.rstrip()[-1:] not in ".!?…।。！？؟"
