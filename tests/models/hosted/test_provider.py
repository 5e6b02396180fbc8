"""References to hosted models, and the keys that go with them."""

from __future__ import annotations

import pytest

from fliptrace.core.errors import InputError
from fliptrace.models.hosted.keys import hide_keys
from fliptrace.models.hosted.provider import OPENAI_URL, Provider, find_provider, is_hosted

AZURE = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com"}
SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("ref", "environ", "expected"),
    [
        ("openai:gpt-4.1-mini", {}, ("openai", "gpt-4.1-mini", OPENAI_URL)),
        ("openai:ft:gpt-4.1:org::a1", {}, ("openai", "ft:gpt-4.1:org::a1", OPENAI_URL)),
        ("openai:m", {"OPENAI_BASE_URL": "http://proxy/v1"}, ("openai", "m", "http://proxy/v1")),
        ("azure:triggers", AZURE, ("azure", "triggers", "https://mine.openai.azure.com")),
        ("http://localhost:8000/v1#mine", {}, ("server", "mine", "http://localhost:8000/v1")),
        ("https://host/v1#Qwen/Qwen3-0.6B", {}, ("server", "Qwen/Qwen3-0.6B", "https://host/v1")),
    ],
)
def test_a_reference_names_a_model_at_an_address(
    ref: str, environ: dict[str, str], expected: tuple[str, str, str]
) -> None:
    provider = find_provider(ref, environ)
    assert (provider.kind, provider.model, provider.url) == expected
    assert provider.ref == ref


@pytest.mark.parametrize(
    ("ref", "complaint"),
    [
        ("openai:", "names no model; expected openai:MODEL"),
        ("azure:", "names no model; expected azure:MODEL"),
        ("azure:triggers", "AZURE_OPENAI_ENDPOINT"),
        ("http://localhost:8000/v1", "expected an address and a model"),
        ("http://localhost:8000/v1#", "expected an address and a model"),
        ("http:///v1#mine", "expected an address and a model"),
        ("http://[::1/v1#mine", "expected an address and a model"),
        ("http://localhost:eight/v1#mine", "expected an address and a model"),
    ],
)
def test_an_incomplete_reference_is_refused(ref: str, complaint: str) -> None:
    with pytest.raises(InputError) as caught:
        find_provider(ref, {})
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("ref", "environ"),
    [
        (f"http://ann:{SECRET}@localhost/v1#mine", {}),
        (f"http://{SECRET}@localhost/v1#mine", {}),
        (f"https://localhost/v1?key={SECRET}#mine", {}),
        (f"http://ann:{SECRET}@localhost/v1", {}),
        ("openai:m", {"OPENAI_BASE_URL": f"https://ann:{SECRET}@proxy/v1"}),
        ("azure:m", {"AZURE_OPENAI_ENDPOINT": f"https://ann:{SECRET}@mine"}),
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(ref: str, environ: dict[str, str]) -> None:
    with pytest.raises(InputError) as caught:
        find_provider(ref, environ)
    assert SECRET not in str(caught.value)
    assert SECRET not in caught.value.place


@pytest.mark.parametrize("ref", ["openai:a", "azure:a", "http://localhost:1/v1#a"])
def test_another_model_at_the_same_place_goes_by_a_reference_that_finds_it(ref: str) -> None:
    other = find_provider(ref, AZURE).with_model("ft:b:org::1")
    assert find_provider(other.ref, AZURE) == other
    assert other.model == "ft:b:org::1"


@pytest.mark.parametrize(("kind", "variable"), [("openai", "OPENAI_API_KEY"), ("azure", "AZURE_OPENAI_API_KEY")])
@pytest.mark.parametrize("connect", ["connect", "connect_blocking"])
def test_a_missing_key_is_named_by_its_variable(
    kind: str, variable: str, connect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InputError, match=f"needs a key in the environment: {variable}"):
        getattr(find_provider(f"{kind}:m", AZURE), connect)(1.0)


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLIPTRACE_API_KEY", raising=False)
    with find_provider("http://localhost:1/v1#m", {}).connect_blocking(1.0) as client:
        assert client.max_retries == 0


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("openai:m", True),
        ("azure:m", True),
        ("http://h/v1#m", True),
        ("https://h/v1#m", True),
        ("embedded", False),
        ("scripted:f", False),
        ("runs/openai", False),
    ],
)
def test_what_is_behind_an_address_is_told_by_its_beginning(ref: str, expected: bool) -> None:
    assert is_hosted(ref) is expected


@pytest.mark.parametrize(
    ("url", "expected"), [(OPENAI_URL, True), (f"{OPENAI_URL}/", True), ("http://proxy/v1", False)]
)
def test_only_its_own_address_is_openai(url: str, expected: bool) -> None:
    assert Provider("openai:m", "openai", "m", url).is_openai is expected


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "FLIPTRACE_API_KEY"])
def test_a_key_in_a_text_is_replaced_by_its_variable(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, SECRET)
    assert hide_keys(f"Bearer {SECRET} is wrong") == f"Bearer <{variable}> is wrong"
