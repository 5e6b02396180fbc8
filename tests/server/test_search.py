"""The search: words, speakers, emotions and flips of results, in any script, whatever the query holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from services import new_job, open_store

from fliptrace.server.storage.job_store import JobStore
from fliptrace.server.storage.jobs import Finished, JobFilter
from fliptrace.server.storage.search_index import index_entry


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobStore]:
    store, engine = open_store(tmp_path_factory.mktemp("data"))
    conversations = {
        "farm": ([("Ana", "What a marvellous zucchini!", "joy"), ("Bo", "The barn is burning", "fear")], ["joy>fear"]),
        "café": ([("Zoë Müller", "Où est l'élève?", "neutral")], ["fear>anger", "anger>joy"]),
        "शादी": ([("रोशेश", "मैं बहुत खुश हूँ", "joy")], []),
        "电话": ([("王小明", "你好世界", "neutral")], []),
        "hostile": ([('"; DROP TABLE jobs; --', 'he said "OR" NEAR(x) col:y ^a* - 10:30', "neutral")], []),
    }
    for name, (lines, flips) in conversations.items():
        job = store.submit(new_job(), 1, 100).job
        claimed = store.claim()
        assert claimed is not None and claimed.job.id == job.id
        document = {
            "utterances": [{"speaker": speaker, "text": text, "emotion": emotion} for speaker, text, emotion in lines],
            "flips": [dict(zip(("before", "after"), flip.split(">"), strict=True)) for flip in flips],
        }
        store.finish(claimed, Finished(f'"{name}"', index_entry(name, document), len(flips)))
    yield store
    engine.dispose()


def found(store: JobStore, query: str) -> list[str]:
    return [str(store.document(job.id)).strip('"') for job in store.page(JobFilter(query), 10).jobs]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("zucchini", ["farm"]),
        ("ZUCCH", ["farm"]),  # its beginning
        ("barn zucchini", ["farm"]),
        ("barn 你好", []),
        ('"barn is burning"', ["farm"]),
        ('"burning barn"', []),
        ("speaker:ana", ["farm"]),
        ("speaker:zucchini", []),
        ('speaker:"zoe muller"', ["café"]),
        ("eleve", ["café"]),
        ("emotion:fear", ["farm"]),
        ("flip:fear", ["café", "farm"]),
        ("flip:joy>fear", ["farm"]),
        ("flip:fear→anger", ["café"]),
        ("flip:anger>fear", []),
        ("flip:joy>fear zucchini", ["farm"]),
        ("name:farm", ["farm"]),
        ("खुश", ["शादी"]),
        ("speaker:रोशेश", ["शादी"]),
        ("世界", ["电话"]),
        ("界世", []),
        ("speaker:小明", ["电话"]),
        ("10:30", ["hostile"]),
        ("col:y", ["hostile"]),
        ('"OR"', ["hostile"]),
        ("drop table", ["hostile"]),
    ],
)
def test_a_query_finds(store: JobStore, query: str, names: list[str]) -> None:
    assert found(store, query) == names


@pytest.mark.parametrize("query", ["", "  ", '"', '""', "...", "speaker:", "flip:>", 'emotion:""', "\0"])
def test_a_query_without_a_word_finds_everything(store: JobStore, query: str) -> None:
    assert len(found(store, query)) == 5


HOSTILE = "\"unclosed|a AND|NEAR(|^|*|a*b|(((|-x|{words}: a|words : x|'|a'b|_|%|\\|🙂|:::::|\ud800"


@pytest.mark.parametrize("query", [*HOSTILE.split("|"), "a" * 2_000])
def test_no_query_is_an_error(store: JobStore, query: str) -> None:
    assert isinstance(found(store, query), list)
