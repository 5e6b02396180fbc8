from __future__ import annotations

import os
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError
from fliptrace.transcripts.decode import MAX_BYTES
from fliptrace.transcripts.read import read_transcript

FRENCH = (
    "Hélène: Tu étais où hier soir ? J’ai attendu jusqu’à minuit.\n"
    "André: Désolé, j’étais chez ma mère, elle était très fatiguée.\n"
) * 5
RUSSIAN = "Анна: Где ты был вчера вечером? Я ждала до полуночи.\nБорис: Прости, я был у матери.\n" * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [FRENCH, RUSSIAN])
def test_unicode_is_read_without_a_note(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes(text.encode(encoding))
    transcript = read_transcript(path)
    assert transcript.notes == ()
    assert [f"{u.speaker}: {u.text}" for u in transcript.dialogue.utterances] == text.splitlines()


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_both_orders_of_utf16_are_read(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "talk.csv"
    path.write_bytes(mark + "who,text\nAna,été\n".encode("utf-16-le" if mark[0] == 0xFF else "utf-16-be"))
    assert read_transcript(path).dialogue.utterances[0].text == "été"


@pytest.mark.parametrize(("text", "encoding"), [(FRENCH, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r")])
def test_other_encodings_are_guessed_and_the_guess_is_told(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes(("Ana: plain\n" * 15_000 + text).encode(encoding))
    transcript = read_transcript(path)
    first = text.splitlines()[0]
    assert f"{transcript.dialogue.utterances[-10].speaker}: {transcript.dialogue.utterances[-10].text}" == first
    assert transcript.notes[0].startswith(f"not UTF-8: read as {encoding.replace('-', '_')}, which is a guess")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"PK\x03\x04\x14\x00",
            r"this is a ZIP or Office file \(docx, xlsx\); expected a transcript: save it as .txt, .csv or .vtt",
        ),
        (b"%PDF-1.7", "this is a PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "contains NUL bytes: not text"),
        (b"\xff\xfeA", "byte 0 is not utf-16-le; save the file as UTF-8"),
    ],
)
def test_what_is_no_text_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^talk.txt: {message}"):
        read_transcript(path)


def test_noise_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    path.write_bytes(bytes(range(1, 256)) * 20)
    with pytest.raises(InputError, match=r"byte 127 is not UTF-8, and no other encoding fits"):
        read_transcript(path)


def test_a_file_over_the_limit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "talk.txt"
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_BYTES + 1)
    with pytest.raises(InputError, match="over 20 MB; expected one dialogue per file"):
        read_transcript(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "talk.txt").write_bytes("Ana: You are late.\nBen: The train was.\n".encode(encoding))
    transcript = read_transcript(tmp_path / "talk.txt")
    assert transcript.speakers == ("Ana", "Ben")
    assert transcript.notes == ()
