"""Files of annotation tools: CHAT, ELAN, Praat, Transcriber, EXMARaLDA, TEI and RTTM."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

Said = list[tuple[str, str, float | None]]


def read(folder: Path, content: str | bytes, name: str) -> Transcript:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_transcript(folder / name)


def said_in(transcript: Transcript) -> Said:
    return [(u.speaker, u.text, u.start) for u in transcript.utterances]


CHAT = """@UTF8
@Begin
@Participants:\tKID Lou Target_Child, DAD Father
*DAD:\twhere (.) is <the red> [//] your (be)low box ? \x151200_2400\x15
%mor:\tadv|where
*KID:\t&-um I want choo_choo@c [: train]
\tnow &=laughs +... 2500_3100
*KID:\t0 [=! whines] .
*DAD:\t+" xxx come .
@End
"""
EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds"/><TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="3000"/><TIME_SLOT TIME_SLOT_ID="t2"/>
<TIME_SLOT TIME_SLOT_ID="t3" TIME_VALUE="5000"/>
<TIME_SLOT TIME_SLOT_ID="t4" TIME_VALUE="100"/></TIME_ORDER>
<TIER TIER_ID="ref@Ana"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t2" TIME_SLOT_REF2="t3">
<ANNOTATION_VALUE>a.1</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="tx@Ana" PARENT_REF="ref@Ana"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">
<ANNOTATION_VALUE>The train stood.</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="ft@Ana" PARENT_REF="tx@Ana"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a2">
<ANNOTATION_VALUE>Der Zug stand lange still.</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="B-Spch" PARTICIPANT="Ben"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="b1" TIME_SLOT_REF1="t4" TIME_SLOT_REF2="t1">
<ANNOTATION_VALUE>You are late.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER TIER_ID="B-Gesture" PARTICIPANT="Ben"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="b2" TIME_SLOT_REF1="t4" TIME_SLOT_REF2="t1">
<ANNOTATION_VALUE>lifts both of his hands</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
</ANNOTATION_DOCUMENT>"""
GRID_HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
SHORT_GRID = (
    GRID_HEAD
    + '0\n4\n<exists>\n2\n"IntervalTier"\n"Ana"\n0\n4\n2\n0\n2\n""\n2\n4\n"The ""train"" stood."\n'
    + ('"IntervalTier"\n"Ben"\n0\n4\n2\n0\n2\n"You are 2 late."\n2\n4\n"sil"\n')
)
LONG_GRID = (
    GRID_HEAD
    + """xmin = 0
xmax = 4
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ana"
        xmin = 0
        xmax = 4
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 2
            text = ""
        intervals [2]:
            xmin = 2
            xmax = 4
            text = "The ""train"" stood."
    item [2]:
        class = "IntervalTier"
        name = "Ben"
        xmin = 0
        xmax = 4
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 2
            text = "You are 2 late."
"""
)
WORD_GRID = (
    GRID_HEAD
    + '0\n4\n<exists>\n2\n"IntervalTier"\n"Ana - words"\n0\n4\n4\n0\n1\n"you"\n1\n2\n"late"\n2\n3\n""\n'
    + ('3\n4\n"why"\n"IntervalTier"\n"Ana - phones"\n0\n4\n1\n0\n1\n"j"\n')
)
TRS = """<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE Trans SYSTEM "trans-14.dtd">
<Trans><Speakers><Speaker id="s1" name="Ana"/><Speaker id="s2" name="René"/></Speakers><Episode><Section>
<Turn speaker="s1" startTime="0" endTime="4"><Sync time="0"/>
You are <Event desc="rire" type="noise" extent="instantaneous"/> late.
<Sync time="2.5"/>
Again.
</Turn><Turn speaker="s1 s2" startTime="4" endTime="6"><Sync time="4"/><Who nb="1"/>
Well?
<Who nb="2"/>
The train.
</Turn></Section></Episode></Trans>""".encode("latin-1")
EXB = """<basic-transcription><head><speakertable><speaker id="S0"><abbreviation>AN</abbreviation></speaker>
<speaker id="S1"><abbreviation>BE</abbreviation></speaker></speakertable></head><basic-body><common-timeline>
<tli id="T0" time="0.0"/><tli id="T1" time="1.5"/><tli id="T2" time="3.0"/></common-timeline>
<tier id="a" speaker="S0" category="v" type="t"><event start="T0" end="T1">You are </event>
<event start="T1" end="T2">late. </event></tier>
<tier id="b" speaker="S1" category="v" type="t"><event start="T1" end="T2">The train. </event></tier>
<tier id="c" speaker="S1" category="en" type="a"><event start="T1" end="T2">gloss</event></tier>
</basic-body></basic-transcription>"""
TEI = """<?xml version="1.0"?><TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><particDesc><person xml:id="A">
<persName>Ana</persName></person></particDesc></teiHeader><text><timeline unit="s"><when xml:id="T0"/>
<when xml:id="T1" interval="1.5" since="#T0"/></timeline><body>
<annotationBlock who="#A" start="#T1">
<u><seg>You <w>are</w> <pause/>late <vocal><desc>sighs</desc></vocal></seg></u></annotationBlock>
<u who="#B">The train.</u><sp who="#x"><speaker>CLERK.</speaker><l>All aboard</l><l>or not</l><stage>Exit</stage></sp>
</body></text></TEI>"""
CTM = "k 1 0.50 0.20 you 0.98\nk 1 0.70 0.20 there 0.91\nk 2 1.00 0.20 yes 0.99\nk 2 1.30 0.10 <sil> 0.99\n"
STM = """;; two segments of one recording
k 1 bob 2.00 3.10 <o,f0,male> the train stood
k 1 ann 0.50 1.90 <o,f0,female> you are late
k 1 inter_segment_gap 3.10 4.00 <o,,unknown>
"""
GRID_SAID: Said = [("Ben", "You are 2 late.", 0.0), ("Ana", 'The "train" stood.', 2.0)]


@pytest.mark.parametrize(
    ("name", "content", "format", "said"),
    [
        (
            "a.cha",
            CHAT,
            "chat",
            [
                ("DAD", "where is the red your below box?", 1.2),
                ("KID", "I want choo choo now...", 2.5),
                ("DAD", "xxx come.", None),
            ],
        ),
        ("a.eaf", EAF, "elan", [("Ben", "You are late.", 0.1), ("Ana", "The train stood.", 4.0)]),
        ("a.TextGrid", SHORT_GRID, "textgrid", GRID_SAID),
        ("a.txt", LONG_GRID, "textgrid", GRID_SAID),
        ("a.textgrid", LONG_GRID.encode("utf-16"), "textgrid", GRID_SAID),
        ("a.TextGrid", WORD_GRID, "textgrid", [("Ana", "you late", 0.0), ("Ana", "why", 3.0)]),
        (
            "a.trs",
            TRS,
            "transcriber",
            [("Ana", "You are late.", 0.0), ("Ana", "Again.", 2.5), ("Ana", "Well?", 4.0), ("René", "The train.", 4.0)],
        ),
        ("a.exb", EXB, "exmaralda", [("AN", "You are late.", 0.0), ("BE", "The train.", 1.5)]),
        (
            "a.xml",
            TEI,
            "tei",
            [("Ana", "You are late", 1.5), ("B", "The train.", None), ("CLERK", "All aboard or not", None)],
        ),
        (
            "a.rttm",
            "LEXEME f 1 0.5 0.2 you lex A 0.9\nLEXEME f 1 0.7 0.2 there lex A 0.9\nLEXEME f 1 1.0 0.2 yes lex B 0.9\n",
            "rttm",
            [("A", "you there", 0.5), ("B", "yes", 1.0)],
        ),
        ("a.ctm", CTM, "ctm", [("Speaker 1", "you there", 0.5), ("Speaker 2", "yes", 1.0)]),
        (
            "a.txt",
            "k A 0.5 0.2 you 0.9 lex ann\nk A 0.7 0.2 uh NA lex bob\n",
            "ctm",
            [("ann", "you", 0.5), ("bob", "uh", 0.7)],
        ),
        ("a.stm", STM, "stm", [("ann", "you are late", 0.5), ("bob", "the train stood", 2.0)]),
        (
            "a.txt",
            STM.replace("<o,f0,female> ", ""),
            "stm",
            [("ann", "you are late", 0.5), ("bob", "the train stood", 2.0)],
        ),
    ],
)
def test_annotations_are_read_with_speakers_and_times(
    tmp_path: Path, name: str, content: str | bytes, format: str, said: Said
) -> None:
    transcript = read(tmp_path, content, name)
    assert (transcript.format, said_in(transcript)) == (format, said)


def test_laughter_and_the_like_are_cues(tmp_path: Path) -> None:
    assert read(tmp_path, CHAT, "a.cha").utterances[1].cues == ("laughs",)
    assert read(tmp_path, TRS, "a.trs").utterances[0].cues == ("rire",)
    assert read(tmp_path, TEI, "a.xml").utterances[0].cues == ("sighs",)


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        (
            "a.ctm",
            CTM,
            {
                "sounds and pauses left out: 1",
                "words joined to utterances at changes of the speaker and pauses of 1.0 s",
            },
        ),
        (
            "a.stm",
            STM,
            {
                "comments left out: 1",
                "segments that are not scored left out: 1",
                "segments were not in the order of time: put in order",
            },
        ),
        ("a.cha", CHAT, {"header lines left out: 4", "fillers and fragments such as '&-um' removed: 1"}),
        ("a.eaf", EAF, {"read as speech: 'tx@Ana', 'B-Spch'; tiers left out: 'ref@Ana', 'ft@Ana', 'B-Gesture'"}),
        ("a.exb", EXB, {"events of other tiers left out: 1"}),
        ("a.TextGrid", WORD_GRID, {"tier 'Ana - words' has single words: joined to utterances at pauses of 0.8 s"}),
    ],
)
def test_what_is_left_out_or_joined_is_noted(tmp_path: Path, name: str, content: str, notes: set[str]) -> None:
    assert notes <= set(read(tmp_path, content, name).notes)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.rttm",
            "SPEAKER f 1 0.1 1.9 <NA> <NA> A <NA> <NA>\n",
            "a.rttm: an RTTM file says who speaks when, but has no",
        ),
        (
            "a.txt",
            "SPEAKER f 1 0.1 1.9 <NA> <NA> A <NA> <NA>\n",
            "a.txt: an RTTM file says who speaks when, but has no",
        ),
        (
            "a.ctm",
            "0.00 1.20 A\n1.20 2.50 B\n",
            "a.ctm line 1: found '0.00 1.20 A'; expected recording, channel, start",
        ),
        ("a.ctm", "k 1 0.5 0.2 you\nk 1 x 0.2 too\n", "a.ctm line 2: found 'x'; expected a start and a duration"),
        ("a.stm", STM.replace("k 1 ann", "m 1 ann"), "a.stm: 2 recordings ('k', 'm'); expected one"),
        ("a.eaf", "<ANNOTATION_DOCUMENT><a></ANNOTATION_DOCUMENT>", "a.eaf line 1 column 27: not XML"),
        (
            "a.eaf",
            '<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT>&a;</ANNOTATION_DOCUMENT>',
            "a.eaf: unreadable XML: EntitiesForbidden",
        ),
        ("a.eaf", "<ANNOTATION_DOCUMENT/>", "a.eaf: no utterances found"),
        (
            "a.TextGrid",
            GRID_HEAD + '0\n4\n<exists>\n1\n"IntervalTier"\n"Ana"\n0\n4\n2\n0\n',
            "a.TextGrid line 13: the file ends",
        ),
        ("a.TextGrid", GRID_HEAD + '"x"', "a.TextGrid line 4: found 'x'; expected a start"),
        ("a.cha", "@UTF8\n@Begin\n@End\n", "a.cha: no utterances found"),
    ],
)
def test_bad_annotations_are_errors_that_say_where(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, content, name)
    assert str(error.value).startswith(message)


def test_one_of_several_recordings_is_selected(tmp_path: Path) -> None:
    (tmp_path / "a.stm").write_text(STM.replace("k 1 ann", "m 1 ann"), encoding="utf-8")
    assert said_in(read_transcript(f"{tmp_path / 'a.stm'}#m")) == [("ann", "you are late", 0.5)]
