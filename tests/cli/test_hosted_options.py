"""The commands `predict` and `analyze` with hosted models; and that an API key is never shown or stored."""

from __future__ import annotations

import json
import logging
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import stamina
from hosted_models import LittleServer, Said, error, make_provider, reply_rows, serving, well_behaved
from typer.testing import CliRunner, Result

from fliptrace.cli.main import app
from fliptrace.core.errors import InputError, RunError
from fliptrace.core.files import Json
from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running
from fliptrace.fake_provider.settings import Faults, Honours

SECRET = "sk-marker-" + "7f3a9c51" * 5
LIMIT = ("--limit", "4")
NUM_SAMPLED = 4 * 12
TASKS = [
    (),
    ("--decode", "sample", "--samples", "3"),
    ("--decode", "sample", "--samples", "5", "--stop-early"),
    ("--decode", "exact", "--samples", "3"),
    ("--judge",),
    ("--ask", "chain", "--no-constrain"),
    ("--emotions", "predicted"),
    ("--layout", "window"),
    ("--task", "emotion"),
    ("--task", "unified"),
    ("--task", "unified", "--decode", "sample", "--samples", "2"),
]


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "300", "TERM": "dumb"})
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def predict(url: str, out: Path, *options: str) -> Result:
    result = run("predict", f"{url}#fake-1", "sample:val", "--out", out, *LIMIT, *options)
    assert result.exit_code == 0, result.output
    return result


def output_of(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture(scope="module")
def served() -> FakeProvider:
    return make_provider()


@pytest.fixture(scope="module")
def url(served: FakeProvider) -> Iterator[str]:
    with running(served) as url:
        yield url


@pytest.fixture
def provider(served: FakeProvider) -> FakeProvider:
    """The provider at `url`, with an empty ledger."""
    served.ledger.reset()
    return served


@pytest.mark.parametrize("options", TASKS, ids=" ".join)
def test_every_way_of_predicting_is_one_of_hosted_models(url: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    predict(url, tmp_path / "p.jsonl", *options)
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    manifest = json.loads((tmp_path / "p.manifest.json").read_text())
    assert manifest["model"] == f"{url}#fake-1"
    assert manifest["data"]["served"] == {
        "served_as": "fake-1",
        "returns_n": True,
        "samples": "as asked",
        "obeys_format": True,
        "log_probabilities": "whole",
        "refused": [],
        "context_tokens": None,
    }


@pytest.mark.parametrize("options", [TASKS[i] for i in (1, 3, 4, 6, 10)], ids=" ".join)
def test_a_second_run_asks_nothing_and_writes_the_same(
    provider: FakeProvider, url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    predict(url, tmp_path / "p.jsonl", *options)
    first = (tmp_path / "p.jsonl").read_bytes()
    provider.ledger.reset()
    assert "already on disk: no requests are needed" in output_of(predict(url, tmp_path / "p.jsonl", *options))
    assert (tmp_path / "p.jsonl").read_bytes() == first
    assert provider.ledger.num_requests == 0


@pytest.mark.parametrize("options", [TASKS[i] for i in (1, 3, 4)], ids=" ".join)
def test_faults_and_what_a_server_lacks_change_no_row(url: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    predict(url, tmp_path / "p.jsonl", *options)
    poor = make_provider(
        honours=Honours(n=False, max_completion_tokens=False),
        faults=Faults(share_429=0.2, share_500=0.1, share_dropped=0.05, seed=3),
    )
    with stamina.set_testing(True, attempts=20, cap=True), running(poor) as other:
        predict(other, tmp_path / "poor.jsonl", *options)
    assert (tmp_path / "poor.jsonl").read_bytes() == (tmp_path / "p.jsonl").read_bytes()


def test_exact_decoding_reports_the_probability_that_was_not_sampled(url: str, tmp_path: Path) -> None:
    assert "of the probability lies on answers" in output_of(
        predict(url, tmp_path / "p.jsonl", "--decode", "exact", "--samples", "3")
    )
    assert 0 < json.loads((tmp_path / "p.manifest.json").read_text())["mean_remaining"] < 1


def test_replies_are_kept_beside_the_predictions_or_in_another_file(url: str, tmp_path: Path) -> None:
    predict(url, tmp_path / "p.jsonl")
    predict(url, tmp_path / "q.jsonl", "--answers", str(tmp_path / "replies"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "p.jsonl",
        "p.jsonl.answers",
        "p.manifest.json",
        "q.jsonl",
        "q.manifest.json",
        "replies",
    }


def test_one_file_of_replies_serves_several_predictions(provider: FakeProvider, url: str, tmp_path: Path) -> None:
    shared = ("--answers", str(tmp_path / "replies"), "--decode", "sample", "--samples")
    predict(url, tmp_path / "few.jsonl", *shared, "3")
    predict(url, tmp_path / "many.jsonl", *shared, "5")
    assert len(reply_rows(tmp_path / "replies")) == 4 * 5


def test_requests_and_costs_are_shown(url: str, tmp_path: Path) -> None:
    shown = output_of(predict(url, tmp_path / "p.jsonl", "--price", "1/2"))
    assert "4 requests: about" in shown
    assert "at most about $" in shown
    assert f"✓ {url}#fake-1: " in shown
    assert "prompt tokens" in shown


def test_without_a_price_a_note_says_that_none_is_known(url: str, tmp_path: Path) -> None:
    assert "no price is known" in output_of(predict(url, tmp_path / "p.jsonl"))


def test_what_a_server_lacks_is_shown(tmp_path: Path) -> None:
    with running(make_provider(honours=Honours(n=False))) as url:
        assert "returns one reply per request whatever `n` is" in output_of(predict(url, tmp_path / "p.jsonl"))


def test_a_server_that_never_samples_can_only_be_decoded_greedily(tmp_path: Path) -> None:
    with running(make_provider(honours=Honours(sampling=False))) as url:
        with pytest.raises(InputError, match="expected --decode greedy"):
            predict(url, tmp_path / "s.jsonl", "--decode", "sample")
        predict(url, tmp_path / "p.jsonl")


# $1 per 1,000 reply tokens. Each sample has two or three tokens and may have up to 8. Probing the server takes fewer
# than 20 tokens and might take up to 96.
DEAR = ("--price", "0/1000", "--decode", "sample", "--samples", "12", "--max-new-tokens", "8", "--concurrency", "1")


def test_a_run_that_reached_its_limit_continues_with_a_higher_one_and_pays_nothing_twice(
    provider: FakeProvider, url: str, tmp_path: Path
) -> None:
    out = tmp_path / "p.jsonl"
    with pytest.raises(RunError, match=r"--max-cost: .*the same command continues from there, with a fresh limit"):
        predict(url, out, *DEAR, "--max-cost", "0.11")
    num_paid = len(reply_rows(tmp_path / "p.jsonl.answers"))
    assert 0 < num_paid < NUM_SAMPLED
    assert not out.exists()
    predict(url, out, *DEAR, "--max-cost", "5")
    assert len(out.read_text().splitlines()) == 4
    replies = Counter(
        (one.request_sha256, one.seed + i) for one in provider.ledger.billed for i in range(one.num_choices)
    )
    assert set(replies.values()) == {1}
    assert len(reply_rows(tmp_path / "p.jsonl.answers")) == NUM_SAMPLED


def test_a_limit_is_never_passed(provider: FakeProvider, url: str, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        predict(url, tmp_path / "p.jsonl", *DEAR[:-1], "8", "--max-cost", "0.2")
    assert sum(one.num_completion_tokens for one in provider.ledger.billed) * 1000 / 1e6 <= 0.2


def test_a_limit_of_zero_shows_the_cost_and_pays_nothing(provider: FakeProvider, url: str, tmp_path: Path) -> None:
    arguments = ["predict", f"{url}#fake-1", "sample:val", "--out", str(tmp_path / "p.jsonl"), *LIMIT, *DEAR]
    result = CliRunner().invoke(app, [*arguments, "--max-cost", "0"], env={"COLUMNS": "300", "TERM": "dumb"})
    assert isinstance(result.exception, RunError)
    assert "4 requests: about" in output_of(result)
    assert "at most about $0.3840" in output_of(result)  # 48 replies of 8 tokens
    assert provider.ledger.num_requests == 0


def test_a_run_works_after_its_cost_was_shown(url: str, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        predict(url, tmp_path / "p.jsonl", "--price", "1/1", "--max-cost", "0")
    predict(url, tmp_path / "p.jsonl", "--price", "1/1", "--max-cost", "1")


@pytest.mark.parametrize("options", [("--decode", "exact"), ("--task", "unified"), ("--judge",)], ids=" ".join)
def test_the_cost_of_every_way_of_predicting_is_shown(url: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    with pytest.raises(RunError, match="--max-cost"):
        predict(url, tmp_path / "p.jsonl", "--price", "1/1", "--max-cost", "0", *options)


@pytest.mark.parametrize("price", [(), ("--price", "1/2")])
def test_a_limit_of_zero_requests_nothing_and_describes_the_first_round(
    provider: FakeProvider, url: str, tmp_path: Path, price: tuple[str, ...]
) -> None:
    with pytest.raises(RunError, match=r"nothing was sent\. The first round would take 4 requests") as caught:
        predict(url, tmp_path / "p.jsonl", "--max-cost", "0", *price)
    assert ("about $" in str(caught.value)) == bool(price)
    assert provider.ledger.num_requests == 0
    assert list(tmp_path.iterdir()) == []


def test_a_limit_of_zero_uses_replies_on_disk(tmp_path: Path) -> None:
    sampled = ("--decode", "sample", "--samples", "2", "--price", "1/2")
    with running(make_provider(honours=Honours(n=False, response_format=False))) as url:
        predict(url, tmp_path / "p.jsonl", *sampled)
        made = (tmp_path / "p.jsonl").read_bytes()
        predict(url, tmp_path / "p.jsonl", *sampled, "--max-cost", "0")
    assert (tmp_path / "p.jsonl").read_bytes() == made


def test_a_limit_without_a_price_is_an_input_error(
    provider: FakeProvider, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(InputError, match=r"openai:fake-1: no price is known.*--price"):
        run("predict", "openai:fake-1", "sample:val", "--out", tmp_path / "p.jsonl", "--max-cost", "1")
    assert provider.ledger.num_requests == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--price", "cheap"), "--price 'cheap': expected dollars"),
        (("--max-cost", "-1"), "--max-cost: -1.0; expected dollars"),
        (("--timeout", "0"), "timeout: 0.0 seconds; expected more than 0"),
        (("--body", "[1]"), "expected a JSON object"),
        (("--body", "{low}"), "expected a JSON object"),
        (("--decode", "exact", "--ask", "chain"), "exact decoding needs --ask answer"),
        (("--decode", "exact", "--judge"), "exact decoding gives probabilities"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_impossible_option_is_an_input_error(
    url: str, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        predict(url, tmp_path / "p.jsonl", *options)


def test_a_body_goes_into_every_request(tmp_path: Path) -> None:
    server = LittleServer()
    with serving(server) as url:
        predict(url, tmp_path / "p.jsonl", "--body", '{"reasoning_effort": "low"}')
    assert len(server.bodies) > 4
    assert {body["reasoning_effort"] for body in server.bodies} == {"low"}


def test_a_filtered_prompt_is_unparsed_and_the_run_goes_on(tmp_path: Path) -> None:
    server = LittleServer()

    def answer(body: Json) -> Said:
        is_probe = len(body["messages"]) == 1
        return well_behaved(body) if is_probe else error(400, "offensive", "content_filter")

    server.answer = answer
    with serving(server) as url:
        assert "4 flips, 4 unparsed" in output_of(predict(url, tmp_path / "p.jsonl"))


def test_analyze_asks_a_hosted_model(url: str, tmp_path: Path) -> None:
    result = run("analyze", "sample", "--model", f"{url}#fake-1", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["flips"]
    assert "requests" in result.stderr


def test_analyze_keeps_replies_if_answers_is_given(provider: FakeProvider, url: str, tmp_path: Path) -> None:
    command = ("analyze", "sample", "--model", f"{url}#fake-1", "--json", "--answers", tmp_path / "replies")
    first = run(*command)
    provider.ledger.reset()
    assert run(*command).stdout == first.stdout
    assert provider.ledger.num_requests == 0


def echo(status: int) -> LittleServer:
    """A server whose error messages repeat the headers of the request."""
    server = LittleServer()

    def answer(_: Json) -> Said:
        return error(status, f"no: {dict(server.headers[-1])}")

    server.answer = answer
    return server


@contextmanager
def keyed(kind: str) -> Iterator[str]:
    """Run a server of this kind. The secret key is right, wrong, or repeated in the server's errors."""
    if kind.startswith("echoes"):
        with serving(echo(int(kind.split()[1]))) as url:
            yield url
    else:
        faults = Faults(share_429=0.1, share_500=0.1, share_dropped=0.1, seed=5)
        with running(make_provider(api_key=SECRET if kind == "right" else "sk-other", faults=faults)) as url:
            yield url


COMMANDS = {
    "predict": ("predict", "MODEL", "sample:val", "--out", "p.jsonl", *LIMIT, "--decode", "sample", "--judge"),
    "analyze": ("analyze", "sample", "--model", "MODEL", "--json", "--html", "p.html", "--answers", "replies"),
    "curate": ("curate", "sample:val", "--out", "i.jsonl", "--mix", "chain=1", "--teacher", "MODEL"),
    "train": ("train", "tiny.toml", "--base", "MODEL", "--out", "run"),
}
TINY = """
name = "tiny"
data = {train = ["sample:train"], val = ["sample:val"], max_train_cases = 24, max_val_cases = 4}
base = {model = "http://127.0.0.1:1/v1#nobody"}
hosted = {}
stages = [{name = "answer", mixture = {answer = 1}, epochs = 1}]
readings = {greedy = {max_new_tokens = 16}}
"""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["right", "wrong", "echoes 400", "echoes 500"])
@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "FLIPTRACE_API_KEY"])
def test_a_key_appears_nowhere(
    variable: str,
    kind: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(variable, SECRET)
    monkeypatch.chdir(tmp_path)
    Path("tiny.toml").write_text(TINY)
    caplog.set_level(logging.DEBUG)
    with stamina.set_testing(True, attempts=10, cap=True), keyed(kind) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        model = "openai:fake-1" if variable == "OPENAI_API_KEY" else f"{url}#fake-1"
        arguments = [model if argument == "MODEL" else argument for argument in COMMANDS[command]]
        result = CliRunner().invoke(app, arguments)
    assert (result.exit_code == 0) is (kind == "right"), result.output
    error = result.exception
    places = {
        "output": result.output + result.stderr,
        "exception": "".join(traceback.format_exception(error)) + repr(vars(error)) if error else "",
        "log": caplog.text + "".join(repr(vars(record)) for record in caplog.records),
        **{path.name: path.read_text() for path in tmp_path.rglob("*") if path.is_file()},
    }
    assert len(places) > (4 if kind == "right" else 3)
    assert [name for name, text in places.items() if SECRET[:14] in text] == []


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_a_key_may_end_with_a_line_break(line_break: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", SECRET + line_break)
    with running(make_provider(api_key=SECRET)) as url:
        predict(url, tmp_path / "p.jsonl")


@pytest.mark.parametrize("odd", ["é", "\x07", "a\rb"])
def test_an_impossible_key_is_refused_without_being_shown(
    odd: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPTRACE_API_KEY", f"{SECRET}{odd}x")
    with pytest.raises(InputError, match="FLIPTRACE_API_KEY: holds characters that no key has") as caught:
        predict(url, tmp_path / "p.jsonl")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["n", "model", "seed"])
def test_a_body_cannot_set_what_the_command_sets(name: str, url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"--body: {name}: set by the command itself"):
        predict(url, tmp_path / "p.jsonl", "--body", json.dumps({name: 3}))
