"""Documents: their text or table is taken out and read by the format that fits it."""

from __future__ import annotations

import io
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.transcripts.read import read_transcript
from fliptrace.transcripts.transcript import Transcript

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TWO = [("Ana", "You are late."), ("Ben", "The train stood.")]


def read(folder: Path, data: bytes, name: str, part: str = "") -> Transcript:
    (folder / name).write_bytes(data)
    return read_transcript(f"{folder / name}{part}")


def rows_of(transcript: Transcript) -> list[tuple[str, str]]:
    return [(u.speaker, u.text) for u in transcript.utterances]


def packed(**parts: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


def docx(body: str) -> bytes:
    return packed(word__document_xml=f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>')


def paragraph(*runs: str) -> str:
    inner = "".join("<w:r><w:br/></w:r>" if run == "\n" else f"<w:r><w:t>{run}</w:t></w:r>" for run in runs)
    return f"<w:p>{inner}</w:p>"


def word_table(*rows: tuple[str, ...]) -> str:
    lines = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


@pytest.mark.parametrize(
    "body",
    [
        paragraph("Ana: ", "You are late.") + paragraph("Ben: The train stood."),
        paragraph("Ana: You are late.", "\n", "Ben: The train stood."),
        paragraph("Ana   0:03", "\n", "You are late.") + paragraph("Ben   0:08", "\n", "The train stood."),
        word_table(("Speaker", "Text"), *TWO),
        word_table(*TWO),
        paragraph("Notes") + word_table(("Time", "Speaker", "Text"), ("0:01", *TWO[0]), ("0:05", *TWO[1])),
        paragraph("Ana: You are late.") + "<w:p><w:del><w:r><w:delText>Ana: No.</w:delText></w:r></w:del></w:p>"
        "<w:p><w:ins><w:r><w:t>Ben: The train stood.</w:t></w:r></w:ins></w:p>",
    ],
)
def test_word_documents_of_lines_or_tables_are_read(tmp_path: Path, body: str) -> None:
    transcript = read(tmp_path, docx(body), "talk.docx")
    assert (transcript.format, rows_of(transcript)) == ("docx", TWO)


def test_opendocument_text_is_read(tmp_path: Path) -> None:
    lines = "<t:p>Ana: You <t:span>are</t:span><t:s/>late.</t:p><t:p>Ben: The train stood.</t:p>"
    content = f'<o:document xmlns:o="office" xmlns:t="text"><o:body>{lines}</o:body></o:document>'
    data = packed(mimetype="application/vnd.oasis.opendocument.text", content_xml=content)
    assert rows_of(read(tmp_path, data, "talk.odt")) == TWO


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (rb"{\rtf1\ansi Ana: You are late.\par Ben: The train stood.\par}", TWO),
        (rb"{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0 Ana: \'e9t\'e9\par}", [("Ana", "été")]),
        (rb"{\rtf1\trowd\cellx9 Ana\cell You are late.\cell\row Ben\cell The train stood.\cell\row}", TWO),
    ],
)
def test_rich_text_is_read(tmp_path: Path, text: bytes, rows: list[tuple[str, str]]) -> None:
    assert rows_of(read(tmp_path, text, "talk.rtf")) == rows


def workbook(**sheets: list[list[object]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_an_excel_sheet_is_a_table(tmp_path: Path) -> None:
    times = (datetime(2025, 2, 1, 9, 0), datetime(2025, 2, 1, 9, 1))
    rows: list[list[object]] = [
        ["Sent", "Who", "Text"],
        *([time, *pair] for time, pair in zip(times, TWO, strict=True)),
    ]
    transcript = read(tmp_path, workbook(Call=rows, Notes=[["made by", "Ida"]]), "talk.xlsx")
    assert rows_of(transcript) == TWO
    assert [u.start for u in transcript.utterances] == [0, 60]
    assert transcript.notes == ("sheet 'Call' is read; other sheets: 'Notes'",)


def test_of_several_sheets_with_transcripts_one_is_selected(tmp_path: Path) -> None:
    header: list[object] = ["Who", "Text"]
    data = workbook(One=[header, ["Ana", "hi"]], Two=[header, ["Ben", "ho"]])
    assert rows_of(read(tmp_path, data, "talk.xlsx", "#Two")) == [("Ben", "ho")]
    with pytest.raises(InputError, match=r"2 sheets with a transcript \('One', 'Two'\); expected one"):
        read(tmp_path, data, "talk.xlsx")


TELEGRAM = (
    '<div class="message service"><div class="body">1 February</div></div>'
    '<div class="message default"><div class="date" title="01.02.2025 09:00:00 UTC+01:00">9</div>'
    '<div class="from_name"> Ana </div><div class="text">You are<br>late.</div></div>'
    '<div class="message default joined"><div class="date" title="01.02.2025 09:00:30 UTC+01:00">9</div>'
    '<div class="text">Why?</div></div>'
)
WHATSAPP = "".join(
    f'<div data-pre-plain-text="[7:0{i} PM, 2/1/2025] {name}: "><span class="selectable-text">{text}</span></div>'
    for i, (name, text) in enumerate(TWO)
)


@pytest.mark.parametrize(
    ("body", "rows", "starts"),
    [
        ("<p><b>Ana:</b> You are late.</p><p>Ben: The train<br>stood.</p>", TWO, [None, None]),
        (
            "<script>Eve: no</script><div>Ana: You are late.</div><!-- x --><div>Ben: The train stood.</div>",
            TWO,
            [None] * 2,
        ),
        (
            "<table><tr><th>Speaker</th><th>Text</th></tr>"
            + "".join(f"<tr><td>{name}</td><td>{text}</td></tr>" for name, text in TWO)
            + "</table>",
            TWO,
            [None, None],
        ),
        (TELEGRAM, [("Ana", "You are late."), ("Ana", "Why?")], [0, 30]),
        (WHATSAPP, TWO, [0, 60]),
    ],
)
def test_web_pages_are_read(tmp_path: Path, body: str, rows: list[tuple[str, str]], starts: list[float | None]) -> None:
    page = f"<!DOCTYPE html><html><head><title>Talk</title></head><body>{body}</body></html>"
    transcript = read(tmp_path, page.encode(), "talk.html")
    assert (rows_of(transcript), [u.start for u in transcript.utterances]) == (rows, starts)


PAGE = "<!DOCTYPE html><html><head><title>Talk</title></head><body>{}</body></html>"


@pytest.mark.parametrize(
    "body",
    [
        "<h1>404 Not Found</h1><hr><center>nginx</center>",
        "<pre>Cannot GET /talk</pre>",
        "<p>Error: no such page</p><p>Request ID: 7c1</p><p>Time: 10:02</p>",
        "<form><label>User: <input></label><label>Password: <input></label></form>",
        "<p>Sign in to read this transcript.</p>",
        "<p>Our news: we moved.</p><p>Come and see us.</p><p>We are open.</p><p>Until six.</p>",
        "",
    ],
)
@pytest.mark.parametrize("name", ["t.html", "t.txt", "t.vtt", "t.json", "t.csv"])
def test_a_web_page_without_a_conversation_is_an_error(tmp_path: Path, name: str, body: str) -> None:
    with pytest.raises(InputError, match="looks like a web page without a conversation"):
        read(tmp_path, PAGE.format(body).encode(), name)


@pytest.mark.parametrize(
    ("name", "body", "rows"),
    [
        ("t.txt", "<p>Ana: You are late.</p><p>Ben: The train stood.</p>", TWO),
        (
            "t.vtt",
            "<pre>WEBVTT\n\n00:01.000 --&gt; 00:02.000\nYou are late.\n\n00:03.000 --&gt; 00:04.000\nNo.</pre>",
            None,
        ),
        ("t.html", "<h1>A talk</h1><p>On a Monday.</p><p>[0:01] Ana: You are late.</p><p>[0:04] Ana: Again.</p>", None),
        ("t.html", "<p>– You are late.</p><p>– The train stood.</p>", None),
    ],
)
def test_a_web_page_with_a_conversation_is_read(
    tmp_path: Path, name: str, body: str, rows: list[tuple[str, str]] | None
) -> None:
    transcript = read(tmp_path, PAGE.format(body).encode(), name)
    assert transcript.format == "html"
    assert len(transcript.utterances) >= 2
    assert rows is None or rows_of(transcript) == rows


def test_a_parquet_file_is_a_table(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"who": [name for name, _ in TWO], "text": [text for _, text in TWO], "start": [0.5, 2.0]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
    transcript = read_transcript(tmp_path / "t.parquet")
    assert (transcript.format, rows_of(transcript)) == ("parquet", TWO)
    assert [utterance.start for utterance in transcript.utterances] == [0.5, 2.0]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.docx", b"PK\x03\x04 not an archive", "t.docx: not a valid Word file"),
        ("t.xlsx", b"PK\x03\x04 not an archive", "t.xlsx: not a valid Excel file"),
        ("t.docx", docx("<w:p>"), "t.docx word/document.xml: unreadable XML: mismatched tag"),
        (
            "t.docx",
            packed(word__document_xml='<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
            "t.docx word/document.xml: unr",
        ),
        (
            "t.docx",
            packed(word__document_xml=b" " * 20_000_000),
            "t.docx word/document.xml: unpacks to 20 MB, over 300",
        ),
        ("t.docx", docx(""), "t.docx: no utterances found"),
        ("t.xlsx", packed(xl__workbook_xml="<a/>"), "t.xlsx: unreadable Excel file"),
        ("t.rtf", b"{\\rtf1}", "t.rtf: no utterances found"),
        ("t.html", b"<html>" + b"<div>" * 1_000, "t.html line 1: over 500 nested elements 'div'"),
        ("t.html", b"<html>" + b"<br>" * 400_000, "t.html: a page of 400,001 tags; expected at most 300,000"),
        ("t.parquet", b"PAR1PAR1", "t.parquet: "),
    ],
)
def test_a_document_that_cannot_be_read_is_an_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, data, name)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "data", "module"),
    [
        ("t.rtf", b"{\\rtf1 Ana: hi}", "striprtf.striprtf"),
        ("t.html", b"<html><p>Ana: hi</p></html>", "bs4"),
        ("t.xlsx", packed(xl__workbook_xml="<a/>"), "openpyxl"),
    ],
)
def test_a_missing_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"fliptrace\[documents\]"):
        read(tmp_path, data, name)
