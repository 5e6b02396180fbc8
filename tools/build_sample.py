"""Build the sample corpus that ships with fliptrace from the dialogues in data/sample/.

    python -m tools.build_sample           write src/fliptrace/sample/*.json
    python -m tools.build_sample --check   write nothing; fail if these files are not up to date

In the authoring files, dialogues are separated by a blank line and utterances are numbered from 1. Every flip, and only
a flip, has `<-` followed by its triggers or "none":

    # parking-spot | neighbours
    Ines [neutral]: The blue car is yours, isn't it?
    Omar [joy]: Yes, brand new!
    Ines [anger] <- 2: It stands on my spot.

Of every five consecutive dialogues of an authoring file, the first three go to train, the fourth to val and the fifth
to test. New dialogues are therefore added at the end.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.core.errors import InputError
from fliptrace.core.files import read_text, write_text
from fliptrace.core.flips import Flip, find_flips

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {"english_a.txt": "en", "english_b.txt": "en", "hindi_english.txt": "hi-en"}
ROTATION = ("train", "train", "train", "val", "test")

_HEADER = re.compile(r"# (?P<slug>[a-z0-9-]+) \| (?P<setting>[a-z][a-z -]*)")
_NUMBERS = r"[1-9][0-9]*(?: [1-9][0-9]*)*"
_LINE = re.compile(
    rf"(?P<speaker>[^\[\]:<]+?) \[(?P<emotion>[a-z]+)\](?: <- (?P<triggers>none|{_NUMBERS}))?: (?P<text>\S.*)"
)


@dataclass(frozen=True)
class Authored:
    """One authored dialogue; `triggers` maps every flip to its triggers (0-based)."""

    dialogue: Dialogue
    language: str
    triggers: dict[Flip, frozenset[int]]


def read_authored(path: Path, language: str) -> list[Authored]:
    """Read the dialogues of an authoring file; InputError names the invalid line."""
    blocks: list[list[tuple[int, str]]] = [[]]
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            blocks[-1].append((number, line.rstrip()))
        elif blocks[-1]:
            blocks.append([])
    return [_read_dialogue(path.name, block, language) for block in blocks if block]


def _read_dialogue(file: str, block: list[tuple[int, str]], language: str) -> Authored:
    (first, header), *lines = block
    title = _HEADER.fullmatch(header)
    if title is None:
        raise InputError(f"{file} line {first}", f"found {header!r}, expected '# slug | setting'")
    if not lines:
        raise InputError(f"{file} line {first}", f"{title['slug']} has no utterances")
    parsed = [(f"{file} line {number}", _match_line(f"{file} line {number}", line)) for number, line in lines]
    utterances = tuple(Utterance(m["speaker"], m["text"], _emotion(place, m["emotion"])) for place, m in parsed)
    dialogue = Dialogue(title["slug"], title["slug"], utterances, MASAC8, "sample")
    flips = {flip.target: flip for flip in find_flips(dialogue)}
    triggers: dict[Flip, frozenset[int]] = {}
    for target, (place, match) in enumerate(parsed):
        if (match["triggers"] is not None) != (target in flips):
            found = "a flip without '<-'" if target in flips else "'<-' on an utterance that is not a flip"
            raise InputError(place, f"found {found}")
        if target in flips:
            triggers[flips[target]] = _triggers(place, match["triggers"], target)
    if not triggers:
        raise InputError(f"{file} line {first}", f"{title['slug']} has no flip")
    return Authored(dialogue, language, triggers)


def _match_line(place: str, line: str) -> re.Match[str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise InputError(place, f"found {line!r}, expected 'Speaker [emotion] <- 2 3: text'")
    return match


def _emotion(place: str, label: str) -> str:
    try:
        return MASAC8.canonical(label)
    except ValueError as error:
        raise InputError(place, str(error)) from error


def _triggers(place: str, written: str, target: int) -> frozenset[int]:
    numbers = [] if written == "none" else [int(number) for number in written.split()]
    if numbers != sorted(set(numbers)) or any(number > target + 1 for number in numbers):
        raise InputError(place, f"triggers {written}: expected each once, ascending, at most {target + 1}")
    return frozenset(number - 1 for number in numbers)


def efr_cases(authored: Authored) -> Iterator[dict[str, Any]]:
    """Yield one EFR object per flip: the dialogue up to the target."""
    for flip, triggers in authored.triggers.items():
        columns = _columns(authored, flip.target + 1)
        yield columns | {"triggers": [int(i in triggers) for i in range(flip.target + 1)]}


def _columns(authored: Authored, num_utterances: int) -> dict[str, Any]:
    said = authored.dialogue.utterances[:num_utterances]
    return {
        "episode": authored.dialogue.id,
        "language": authored.language,
        "speakers": [utterance.speaker for utterance in said],
        "utterances": [utterance.text for utterance in said],
        "emotions": [utterance.emotion for utterance in said],
    }


def build(folder: Path) -> dict[str, str]:
    """Build the sample files from the authoring files in a folder; maps file name to content."""
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    slugs: set[str] = set()
    for name, language in SOURCES.items():
        for position, authored in enumerate(read_authored(folder / name, language)):
            if authored.dialogue.id in slugs:
                raise InputError(name, f"a second dialogue called {authored.dialogue.id}")
            slugs.add(authored.dialogue.id)
            split = ROTATION[position % len(ROTATION)]
            files[f"{split}.json"].extend(efr_cases(authored))
            files[f"{split}_erc.json"].append(_columns(authored, len(authored.dialogue)))
    return {name: _one_a_line(entries) for name, entries in sorted(files.items())}


def _one_a_line(entries: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]\n"


def main(arguments: list[str]) -> int:
    target = ROOT / "src" / "fliptrace" / "sample"
    try:
        files = build(ROOT / "data" / "sample")
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    if "--check" in arguments:
        stale = [
            name for name, text in files.items() if not (target / name).is_file() or read_text(target / name) != text
        ]
        print(f"not up to date: {', '.join(stale)}" if stale else "up to date")
        return 1 if stale else 0
    for name, text in files.items():
        write_text(target / name, text)
        print(f"{name}: {text.count(chr(10)) - 2} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
