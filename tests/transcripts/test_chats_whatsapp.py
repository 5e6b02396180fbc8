"""WhatsApp exports of many phones and languages are read with the right names, words and times."""

from __future__ import annotations

from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

_LRM = "\u200e"


def read(folder: Path, content: str, name: str = "chat.txt") -> Transcript:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    transcript = read_transcript(path)
    assert transcript.format == "whatsapp"
    return transcript


def said(transcript: Transcript) -> list[tuple[float | None, str, str]]:
    return [(each.start, each.speaker, each.text) for each in transcript.utterances]


HEADERS = [
    ("5/14/24, 8:15 PM - ", "5/14/24, 8:16 PM - "),
    ("5/14/24, 8:15\u202fPM - ", "5/14/24, 8:16\u202fPM - "),
    ("14/05/24, 8:15 pm - ", "14/05/24, 8:16 pm - "),
    ("14/05/2024, 20:15 - ", "14/05/2024, 20:16 - "),
    ("14/05/2024 20:15 - ", "14/05/2024 20:16 - "),
    ("14/05/2024 à 20:15 - ", "14/05/2024 à 20:16 - "),
    ("14/5/24, 8:15\u202fp.\u00a0m. - ", "14/5/24, 8:16\u202fp.\u00a0m. - "),
    ("14.05.24, 20:15 - ", "14.05.24, 20:16 - "),
    ("14.5.2024 klo 20.15 - ", "14.5.2024 klo 20.16 - "),
    ("14/05/24 20.15 - ", "14/05/24 20.16 - "),
    ("2024-05-14, 8:15 p.m. - ", "2024-05-14, 8:16 p.m. - "),
    ("2024-05-14 20:15 - ", "2024-05-14 20:16 - "),
    ("2024/05/14, 20:15 - ", "2024/05/14, 20:16 - "),
    ("2024/5/14 下午8:15 - ", "2024/5/14 下午8:16 - "),
    ("2024. 5. 14. 오후 8:15 - ", "2024. 5. 14. 오후 8:16 - "),
    ("14.05.24 г., 20:15 - ", "14.05.24 г., 20:16 - "),
    ("١٤\u200f/٥\u200f/٢٠٢٤، ٨:١٥ م - ", "١٤\u200f/٥\u200f/٢٠٢٤، ٨:١٦ م - "),
    ("May 14, 2024, 8:15 PM - ", "May 14, 2024, 8:16 PM - "),
    ("[5/14/24, 8:15:00 PM] ", "[5/14/24, 8:16:00 PM] "),
    ("[14.05.24, 20:15:00] ", "[14.05.24, 20:16:00] "),
    ("[14/05/2024, 20:15:00] ", "[14/05/2024, 20:16:00] "),
    ("[2024/5/14 下午8:15:00] ", "[2024/5/14 下午8:16:00] "),
    ("[2024-05-14, 20:15] ", "[2024-05-14, 20:16] "),
    ("[ 14 May 2024 8:15 PM ] ", "[ 14 May 2024 8:16 PM ] "),
    ("(2024-05-14 20:15) ", "(2024-05-14 20:16) "),
]


@pytest.mark.parametrize(("first", "second"), HEADERS)
def test_dates_and_times_of_many_regions_are_read(tmp_path: Path, first: str, second: str) -> None:
    content = f"{first}Ida: Where is the map?\n{second}Jon: In the car\nor at home: no idea\n"
    assert said(read(tmp_path, content)) == [
        (0.0, "Ida", "Where is the map?"),
        (60.0, "Jon", "In the car or at home: no idea"),
    ]


ORDERS = [
    (("01/02/24", "13/02/24"), 12, False),  # only day first is possible
    (("1/2/24", "1/13/24"), 11, False),  # only month first is possible
    (("01/04/24", "02/04/24", "03/04/24"), 2, True),  # consecutive days rather than months
    (("04/01/24", "04/02/24", "04/03/24"), 2, True),
    (("24-05-13", "24-05-14"), 1, True),
    (("01.02.24", "02.02.24"), 1, False),
]


@pytest.mark.parametrize(("dates", "days", "noted"), ORDERS)
def test_the_order_of_day_and_month_comes_from_the_dates(
    tmp_path: Path, dates: tuple[str, ...], days: int, noted: bool
) -> None:
    transcript = read(tmp_path, "".join(f"{date}, 10:00 - Ida: Day {i}\n" for i, date in enumerate(dates)))
    assert transcript.utterances[-1].start == days * 86400
    assert any("the file does not say" in note for note in transcript.notes) == noted


NOT_SPEECH = [
    ("<Media omitted>", "media"),
    ("<Medien ausgeschlossen>", "media"),
    ("<Multimedia omitido>", "media"),
    ("<Médias omis>", "media"),
    ("<Mídia oculta>", "media"),
    ("<Media weggelaten>", "media"),
    ("<Media omessi>", "media"),
    ("<Без медиафайлов>", "media"),
    ("<Medya dahil edilmedi>", "media"),
    ("<メディアは含まれていません>", "media"),
    ("<تم استبعاد الوسائط>", "media"),
    ("Bild weggelassen", "media"),
    ("image omitted", "media"),
    ("Contact card omitted", "media"),
    ("imagen omitida", "media"),
    ("audio omesso", "media"),
    (f"{_LRM}image absente", "media"),
    (f"{_LRM}<attached: 0001-PHOTO-2024.jpg>", "media"),
    (f"{_LRM}<Anhang: 0001-PHOTO-2024.jpg>", "media"),
    ("IMG-20240514-WA0001.jpg (file attached)", "media"),
    ("PTT-1.opus (Datei angehängt)", "media"),
    ("This message was deleted", "deleted messages"),
    ("You deleted this message", "deleted messages"),
    ("Diese Nachricht wurde gelöscht.", "deleted messages"),
    ("Se eliminó este mensaje.", "deleted messages"),
    ("Mensagem apagada", "deleted messages"),
    ("Ce message a été supprimé", "deleted messages"),
    ("Missed voice call", "calls"),
    ("Voice call, 5 min", "calls"),
    ("location: https://maps.google.com/?q=1.0,2.0", "locations"),
    ("Messages and calls are end-to-end encrypted. Tap to learn more.", "system messages"),
    (f"route.pdf • {_LRM}3 pages {_LRM}document omitted", "media"),
    (f"{_LRM}Jon changed this group's icon", "system messages"),
    (f"{_LRM}POLL:\nWho drives?\n{_LRM}OPTION: Ida (1 vote)", "polls"),
    ("null", "messages without content"),
]


@pytest.mark.parametrize(("text", "why"), NOT_SPEECH)
def test_what_is_not_speech_is_left_out_and_noted(tmp_path: Path, text: str, why: str) -> None:
    content = f"[5/14/24, 8:15:00 PM] Ida: Hello\n[5/14/24, 8:16:00 PM] Jon: {text}\n[5/14/24, 8:17:00 PM] Jon: Hi\n"
    transcript = read(tmp_path, content)
    assert [utterance.text for utterance in transcript.utterances] == ["Hello", "Hi"]
    assert f"{why} left out: 1" in transcript.notes


SPEECH = [
    "I <3 maps",
    "<shrug>",
    "the image was omitted from the report, sadly",
    "voice call tonight?",
    "Meet me here: the old bridge",
    "Who deleted this message?",
    "see https://goo.gl/maps/x for the way",
]


@pytest.mark.parametrize("text", SPEECH)
def test_what_people_write_about_media_is_speech(tmp_path: Path, text: str) -> None:
    transcript = read(tmp_path, f"5/14/24, 8:15 PM - Ida: Hello\n5/14/24, 8:16 PM - Jon: {text}\n")
    assert transcript.utterances[1].text == text


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("IMG-1.jpg (file attached)\nOur map", "Our map"),
        (f"Our map {_LRM}image omitted", "Our map"),
        (f"{_LRM}<attached: 0001.jpg>\nOur map", "Our map"),
        ("<Media omitted>\nOur map", "Our map"),
    ],
)
def test_captions_of_media_are_kept(tmp_path: Path, text: str, caption: str) -> None:
    transcript = read(tmp_path, f"[5/14/24, 8:15:00 PM] Ida: {text}\n[5/14/24, 8:16:00 PM] Jon: Hi\n")
    assert transcript.utterances[0].text == caption
    assert "media left out: 1" in transcript.notes


def test_lines_without_a_name_are_system_messages(tmp_path: Path) -> None:
    content = (
        "5/14/24, 8:14 PM - Messages and calls are end-to-end encrypted.\n"
        '5/14/24, 8:14 PM - Ida created group "Trip"\n'
        '5/14/24, 8:14 PM - Ida changed the group name from "Trip: a" to "Trip: b"\n'
        "5/14/24, 8:15 PM - Ida: Hello\n5/14/24, 8:16 PM - +44 20 7946 0000: Hi\n"
    )
    transcript = read(tmp_path, content)
    assert transcript.speakers == ("Ida", "+44 20 7946 0000")
    assert "system messages left out: 3" in transcript.notes


def test_marks_of_edited_messages_and_of_direction_are_removed(tmp_path: Path) -> None:
    content = (
        f"[14.05.24, 20:15:00] ~\u202fIda: Hallo {_LRM}<Diese Nachricht wurde bearbeitet.>\n"
        f"{_LRM}[14.05.24, 20:15:10] Jon: @\u2068Ida\u2069 ja\n"
    )
    transcript = read(tmp_path, content)
    assert said(transcript) == [(0.0, "Ida", "Hallo"), (10.0, "Jon", "@Ida ja")]
    assert any("edited" in note for note in transcript.notes)


def test_a_date_that_does_not_exist_is_noted_and_has_no_start(tmp_path: Path) -> None:
    transcript = read(tmp_path, "13/02/24, 10:00 - Ida: One\n31/02/24, 10:00 - Jon: Two\n")
    assert [utterance.start for utterance in transcript.utterances] == [0.0, None]
    assert any("do not exist: 1 (line 2)" in note for note in transcript.notes)


def test_signal_exports_lose_quotes_reactions_and_attachments(tmp_path: Path) -> None:
    content = (
        "[2024-05-14, 20:15] Me: Where is the map?\n"
        "[2024-05-14, 20:16] Ida: \n> Where is the map?\n\nIn the car\n(- Me: 👍 -)\n"
        "[2024-05-14, 20:17] Ida: ![map](media/map.jpg)\n"
    )
    transcript = read(tmp_path, content)
    assert said(transcript) == [(0.0, "Me", "Where is the map?"), (60.0, "Ida", "In the car")]
    assert {each.why for each in transcript.left_out} == {"quoted lines", "reactions", "media"}


def test_messages_of_a_newest_first_file_are_turned_round(tmp_path: Path) -> None:
    content = (
        "5/14/24, 8:17 PM - Ida: 4\n5/14/24, 8:16 PM - Jon: 3\n5/14/24, 8:16 PM - Ida: 2\n5/14/24, 8:15 PM - Jon: 1\n"
    )
    transcript = read(tmp_path, content)
    assert [utterance.text for utterance in transcript.utterances] == ["1", "2", "3", "4"]
    assert any("newest first" in note for note in transcript.notes)


@pytest.mark.parametrize("content", ["", "no chat at all", "5/14/24, 8:15 PM - only a notice\n"])
def test_a_file_without_messages_is_an_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "chat.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"^chat\.txt"):
        read_transcript(path, format="whatsapp")
