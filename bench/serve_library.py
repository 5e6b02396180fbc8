"""Many analyzed conversations in the data folder of a service, and how fast they are listed and searched.

They are put there through the storage of the service, each analyzed by a rule. Their words are drawn from the sample
corpus as often as they occur there; no sentence makes sense, but lists of places are as long as those of real talk.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode
from urllib.request import urlopen

from fliptrace.analysis.analyze import analyze
from fliptrace.core.dialogue import Dialogue, Utterance
from fliptrace.core.emotion_sets import MASAC8
from fliptrace.corpora.sample import load_sample_dialogues
from fliptrace.models.open_model import open_model
from fliptrace.server.options import AnalysisOptions
from fliptrace.server.storage.database import open_database, prepare_folder
from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import Finished, NewJob
from fliptrace.server.storage.search_index import index_entry

_LENGTHS = range(20, 181)  # utterances of a conversation
_PEOPLE = ("Asha", "Ben", "Chitra", "Dev", "Erin", "Femi", "Gita", "Hugo")
_EMOTIONS = ("neutral", "neutral", "neutral", "joy", "anger", "sadness", "surprise", "fear")

# What is asked, by what makes it slow or fast. Filled in are `middle`, a place in the middle of the list, and `rare`, a
# word of one conversation.
QUESTIONS: Mapping[str, Mapping[str, str | int]] = {
    "list, first page": {},
    "list, 200 from the middle": {"limit": 200, "before": "{middle}"},
    "list, no such state": {"state": "FAILED"},
    "search, a word of one": {"q": "{rare}"},
    "search, a word of all": {"q": "the"},
    "search, one letter": {"q": "t"},
    "search, a phrase": {"q": '"to the"'},
    "search, four words": {"q": "the you is a"},
    "search, a speaker": {"q": "speaker:asha"},
    "search, a flip": {"q": "flip:joy>fear"},
    "search, all of it": {"q": "the speaker:ben emotion:anger flip:fear", "state": "DONE", "limit": 200},
    "search, nothing": {"q": "zzyzx the"},
}


class Library(NamedTuple):
    """What was put there: `middle` is the number of a job, `rare` a word of one conversation."""

    num_conversations: int
    num_utterances: int
    middle: int
    rare: str


def fill(folder: Path, num_utterances: int, seed: int) -> Library:
    """Put conversations with this many utterances, all in all, into a data folder that no service uses."""
    rng = random.Random(seed)
    words = [word for each in load_sample_dialogues("train") for said in each.utterances for word in said.text.split()]
    model = open_model("rule:previous")
    prepare_folder(folder)
    engine = open_database(folder)
    store = JobStore(engine)
    num_conversations, left = 0, num_utterances
    while left:
        length = min(left, rng.choice(_LENGTHS))
        dialogue = _conversation(rng, words, num_conversations, length)
        analysis = analyze(dialogue, model, evidence="none")
        document = analysis.to_json()
        text = json.dumps(document, ensure_ascii=False)
        name = f"call {num_conversations}.vtt"
        store.submit(NewJob(name, b"", "rule", AnalysisOptions().model_dump(mode="json")), length, max_queued=1)
        claimed = store.claim()
        assert claimed is not None
        assert store.finish(claimed, Finished(text, index_entry(name, document), len(analysis.flips)))
        num_conversations, left = num_conversations + 1, left - length
    engine.dispose()
    middle = num_conversations // 2
    return Library(num_conversations, num_utterances, max(1, middle), _order_number(middle))


def ask(url: str, library: Library, repeats: int) -> dict[str, list[float]]:
    """The seconds of each question, asked one after the other in turn, so that none profits from the one before."""
    seconds: dict[str, list[float]] = {name: [] for name in QUESTIONS}
    for _ in range(repeats):
        for name, parts in QUESTIONS.items():
            filled = {key: str(value).format(**library._asdict()) for key, value in parts.items()}
            started = time.perf_counter()
            with urlopen(f"{url}/api/v1/jobs?{urlencode(filled)}", timeout=60) as answer:
                found = json.load(answer)["jobs"]
            seconds[name].append(time.perf_counter() - started)
            assert bool(found) != (name in ("list, no such state", "search, nothing")), name
    return seconds


def _conversation(rng: random.Random, words: list[str], number: int, length: int) -> Dialogue:
    people = rng.sample(_PEOPLE, rng.randint(2, 4))
    texts = [" ".join(rng.choices(words, k=rng.randint(3, 20))) for _ in range(length)]
    texts[0] = f"{_order_number(number)} {texts[0]}"
    said = tuple(Utterance(rng.choice(people), text, rng.choice(_EMOTIONS)) for text in texts)
    return Dialogue(f"call {number}", f"call {number}", said, MASAC8)


def _order_number(number: int) -> str:
    return f"order{number:06}"
