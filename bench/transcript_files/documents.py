"""Writers of documents."""

from __future__ import annotations

import io
import zipfile

from transcript_files.dialogue import Dialogue, paragraphs, records, table_of, writes


def _archive(parts: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


@writes("docx")
def _docx(said: Dialogue) -> bytes:
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = paragraphs(said, "<w:p><w:r><w:t>", "</w:t></w:r></w:p>")
    return _archive({"word/document.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>"})


@writes("odt")
def _odt(said: Dialogue) -> bytes:
    names = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = f'xmlns:office="{names}:office:1.0" xmlns:text="{names}:text:1.0"'
    body = f"<office:body><office:text>{paragraphs(said, '<text:p>', '</text:p>')}</office:text></office:body>"
    content = f"<office:document-content {spaces}>{body}</office:document-content>"
    return _archive({"mimetype": "application/vnd.oasis.opendocument.text", "meta.xml": "", "content.xml": content})


@writes("rtf")
def _rtf(said: Dialogue) -> bytes:
    def escaped(letter: str) -> str:
        return letter if letter.isascii() else f"\\u{ord(letter)}?"

    body = "".join(map(escaped, paragraphs(said, "", "\\par\n")))
    return f"{{\\rtf1\\ansi\\ansicpg1252 {body}}}".encode("ascii")


@writes("xlsx")
def _xlsx(said: Dialogue) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in table_of(said):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


@writes("html")
def _html(said: Dialogue) -> str:
    return f"<!DOCTYPE html><html><body>\n{paragraphs(said, '<p>', '</p>' + chr(10))}</body></html>\n"


@writes("parquet")
def _parquet(said: Dialogue) -> bytes:
    import pyarrow
    import pyarrow.parquet

    packed = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records(said)), packed)
    return packed.getvalue()
