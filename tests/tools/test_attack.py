"""The attack of `make attack`, for a few seconds: every hostile input ends in a result or one clear error."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from fliptrace.core.errors import InputError
from tools.attack.inputs import Attack, transcripts
from tools.attack.kills import Job, hash_files, make_jobs, try_kills
from tools.attack.trials import Target, make_targets, try_inputs

NAMES = ("transcripts", "recipes", "corpora", "predictions", "manifests", "decoders", "encoders", "defaults")


def test_every_reader_of_files_from_outside_is_attacked(tmp_path: Path) -> None:
    assert tuple(target.name for target in make_targets(tmp_path)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_second_of_hostile_inputs_does_no_harm(name: str, tmp_path: Path) -> None:
    [target] = [target for target in make_targets(tmp_path) if target.name == name]
    outcomes = try_inputs(target, seed=0, seconds=1.0, folder=tmp_path, max_bytes=200_000)
    assert outcomes.failures == []
    assert outcomes.num_refused > 0


def test_the_same_seed_tries_the_same_inputs() -> None:
    tried = [list(islice(transcripts(random.Random(seed), 10_000), 20)) for seed in (0, 0, 1)]
    assert tried[0] == tried[1] != tried[2]
    assert all(len(attack.content) <= 10_000 for attack in tried[0])


def crash(_: Path) -> Any:
    raise KeyError("segments")


def tell_at_length(_: Path) -> Any:
    raise InputError("a.txt", "one line\nand another")


def wait(_: Path) -> Any:
    while True:
        pass


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        (crash, "KeyError: 'segments'"),
        (tell_at_length, "an error that is not one line"),
        (wait, "TimeoutError: not done after 1 seconds"),
    ],
)
def test_what_is_no_clear_error_is_a_failure_and_kept(
    read: Any, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.attack.trials._PATIENCE_SECONDS", 1)

    def two(draw: random.Random, max_bytes: int) -> Any:
        yield Attack("something", "a.txt", b"hi")
        while True:
            yield Attack("another", "b.txt", b"ho")

    outcomes = try_inputs(Target("readers", two, read), seed=0, seconds=0.2, folder=tmp_path)
    assert outcomes.failures[0][1].startswith(wrong)
    assert (tmp_path / "readers-1-a.txt").read_bytes() == b"hi"


def test_every_command_that_resumes_is_killed(tmp_path: Path) -> None:
    assert [job.arguments[0] for job in make_jobs(tmp_path)] == ["train", "predict", "reproduce"]


ANSWER = ("predict", "rule:previous", "sample:val", "--out", "p.jsonl")


def test_a_killed_command_ends_with_the_same_bytes_and_another_result_is_kept(tmp_path: Path) -> None:
    same = try_kills(Job("same", ANSWER, lambda _: None, hash_files), seed=0, num_kills=1, folder=tmp_path)
    assert (same.failures, same.num_same > 0) == ([], True)
    assert not (tmp_path / "same-1").exists()
    other = try_kills(Job("other", ANSWER, lambda _: None, lambda target: {"p": target.name}), 0, 1, tmp_path)
    assert other.num_same == 0 and other.failures[0].endswith(": p differ")
    assert (tmp_path / "other-1" / "p.jsonl").exists()


def test_a_command_that_fails_after_a_kill_is_told_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exit code 1: .*no such rule"):
        job = Job("wrong", ("predict", "rule:x", "sample:val", "--out", "p"), lambda _: None, hash_files)
        try_kills(job, seed=0, num_kills=1, folder=tmp_path)
