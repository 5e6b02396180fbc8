"""The writer to the terminal: no text from outside brings escapes, emoji codes or what cannot be encoded with it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from fliptrace.cli import console as printing
from fliptrace.cli.console import SafeConsole, note, print_json, progress, table
from fliptrace.cli.main import main

HOSTILE = "azure:m: \x1b[31mred\x1b]0;title\x07\x9b2J\x7f\u202eevil\u2066\ud83d 👍🏽 \u0915\u094d\u200d\u0937"
HARMLESS = "azure:m: [31mred]0;title2Jevil 👍🏽 \u0915\u094d\u200d\u0937"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the commands write, on a terminal without colours."""
    written = io.StringIO()
    console = SafeConsole(file=written, width=200, force_terminal=True, color_system=None)
    monkeypatch.setattr(printing, "console", console)
    monkeypatch.setattr("fliptrace.cli.main.console", console)
    return written


def test_a_note_is_its_text_without_what_a_terminal_obeys(terminal: io.StringIO) -> None:
    note(HOSTILE)
    assert terminal.getvalue() == f"note {HARMLESS}\n"


def test_a_table_is_its_text_without_what_a_terminal_obeys(terminal: io.StringIO) -> None:
    table(HOSTILE, ["name", "f1"], [(HOSTILE, 1)])
    lines = [line.rstrip() for line in terminal.getvalue().splitlines()]
    assert lines[0] == HARMLESS
    assert lines[2].startswith(HARMLESS)


def test_text_in_any_renderable_is_cleaned_and_its_lines_stay() -> None:
    grid = Table.grid()
    grid.add_row(Text("anger\x1b[2J "), Text("two\nlines"))
    written = io.StringIO()
    SafeConsole(file=written, width=40).print(grid)
    assert [line.split() for line in written.getvalue().splitlines()] == [["anger[2J", "two"], ["lines"]]


def test_a_progress_bar_is_named_by_text_alone(terminal: io.StringIO) -> None:
    with progress() as bar:
        bar.add_task("predicting with azure:m: [red]\x1b[5m", total=1)
        bar.refresh()
    assert "predicting with azure:m: [red][5m" in terminal.getvalue()


def test_json_of_any_text_is_read_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": HOSTILE, "half an emoji": "\ude00"}
    print_json(value)
    printed = capsys.readouterr().out
    assert printed.encode().isascii() is False  # Devanagari stays readable
    assert not {sign for sign in printed if not sign.isprintable()} - {"\n", "\u200d"}
    assert json.loads(printed) == value


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["fliptrace", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1


def test_an_error_that_quotes_a_file_name_is_one_harmless_line(
    terminal: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, "analyze", tmp_path / "no\x1b[2Jsuch:smile:.vtt")
    assert terminal.getvalue() == f"error {tmp_path}/no[2Jsuch:smile:.vtt: no such file\n"


def test_a_full_disk_is_told_with_the_path(
    terminal: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    run(monkeypatch, "analyze", "sample", "--html", tmp_path / "call.html")
    assert terminal.getvalue().splitlines()[-1].endswith(f"error {tmp_path}/call.html: No space left on device")
