from __future__ import annotations

import asyncio
import json

import openai
import pytest
from provider_clients import KEY, ROWS, SCRIPT, make_provider

from fliptrace.fake_provider.provider import FakeProvider
from fliptrace.fake_provider.serve import running


async def rehearse(endpoint: str, api_key: str) -> tuple[str | None, str, str]:
    """Chat, upload and train with Azure's client."""
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=endpoint, api_version="2024-10-21", api_key=api_key, max_retries=0
    ) as client:
        answer = await client.chat.completions.create(
            model="fake-1", messages=[{"role": "user", "content": "Hello"}], seed=3
        )
        rows = "\n".join(json.dumps(row) for row in ROWS).encode()
        file = await client.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
        job = await client.fine_tuning.jobs.create(model="fake-1", training_file=file.id)
        models = await client.models.list()
        return (
            answer.choices[0].message.content,
            (await client.fine_tuning.jobs.retrieve(job.id)).status,
            models.data[0].id,
        )


def run(provider: FakeProvider, api_key: str) -> tuple[str | None, str, str]:
    with running(provider) as url:
        return asyncio.run(rehearse(url.removesuffix("/v1"), api_key))


def test_azure_s_client_is_answered_as_any_other() -> None:
    assert run(make_provider(SCRIPT, api_key=KEY), KEY) == ("Triggers: none", "succeeded", "fake-1")


def test_azure_s_client_needs_the_key_too() -> None:
    with pytest.raises(openai.AuthenticationError):
        run(make_provider(api_key=KEY), "another")
