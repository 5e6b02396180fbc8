"""Addresses and keys of hosted models: what a reference means and which environment variables it needs.

openai:MODEL                OPENAI_API_KEY, and OPENAI_BASE_URL where it is not OpenAI itself
azure:DEPLOYMENT            AZURE_OPENAI_API_KEY, AZURE_OPENAI_ENDPOINT, and OPENAI_API_VERSION
http://host:port/v1#MODEL   FLIPTRACE_API_KEY where the server needs a key; any server with the same wire format

A key goes from the environment into the client and nowhere else; keys.py removes it from what a server returns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from fliptrace.core.errors import InputError
from fliptrace.models.hosted.keys import KEY_VARIABLES

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

ProviderKind = Literal["openai", "azure", "server"]
OPENAI_URL = "https://api.openai.com/v1"
AZURE_API_VERSION = "2024-10-21"  # the last one with files and fine-tuning jobs that is not a preview
_KINDS: tuple[ProviderKind, ...] = ("openai", "azure", "server")
_KEY_OF = dict(zip(_KINDS, KEY_VARIABLES, strict=True))
_EXPECTED_ADDRESS = "expected an address and a model, such as http://localhost:8000/v1#MODEL"
_NO_KEY = "none"  # a placeholder: the client requires a key, most self-hosted servers do not


@dataclass(frozen=True, slots=True)
class Provider:
    """A model behind an address. `ref` is the reference that named it, `model` the provider's own name for it."""

    ref: str
    kind: ProviderKind
    model: str
    url: str

    @property
    def is_free(self) -> bool:
        """Whether it is a server on this machine, which costs nothing."""
        return self.kind == "server" and urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own service, whose prices and shutdown dates are known."""
        return self.url.rstrip("/") == OPENAI_URL

    def with_model(self, model: str) -> Provider:
        """Return another model at the same address, such as one that was trained there."""
        head, mark = (self.url, "#") if self.kind == "server" else (self.kind, ":")
        return Provider(f"{head}{mark}{model}", self.kind, model, self.url)

    def connect(self, timeout_seconds: float) -> AsyncOpenAI:
        """Return a client of the official library that does not retry. InputError where the key is missing.

        `timeout_seconds` bounds every request as a whole.
        """
        from openai import AsyncAzureOpenAI, AsyncOpenAI

        from fliptrace.models.hosted.http_client import BoundedAsyncClient

        options = self._client_options(timeout_seconds)
        client = BoundedAsyncClient(timeout_seconds)
        return (AsyncAzureOpenAI if self.kind == "azure" else AsyncOpenAI)(**options, http_client=client)

    def connect_blocking(self, timeout_seconds: float) -> OpenAI:
        """Return a blocking client, for files and jobs, which are handled one at a time."""
        from openai import AzureOpenAI, OpenAI

        from fliptrace.models.hosted.http_client import BoundedClient

        options, client = self._client_options(timeout_seconds), BoundedClient(timeout_seconds)
        return (AzureOpenAI if self.kind == "azure" else OpenAI)(**options, http_client=client)

    def find_key(self) -> str:
        """Return the key from the environment, stripped of white space such as a final line break.

        InputError where it is missing or cannot be a key. The error never contains it.
        """
        name = _KEY_OF[self.kind]
        key = os.environ.get(name, "").strip() or (_NO_KEY if self.kind == "server" else "")
        if not key:
            raise InputError(self.ref, f"needs a key in the environment: {name}")
        if not (key.isascii() and key.isprintable()):
            raise InputError(name, "holds characters that no key has; expected printable ASCII")
        return key

    def _client_options(self, timeout_seconds: float) -> dict[str, Any]:
        key = self.find_key()
        shared = {"api_key": key, "timeout": timeout_seconds, "max_retries": 0}
        if self.kind != "azure":
            return shared | {"base_url": self.url}
        version = os.environ.get("OPENAI_API_VERSION") or AZURE_API_VERSION
        return shared | {"azure_endpoint": self.url, "api_version": version}


def is_hosted(ref: str) -> bool:
    """Return whether a MODEL reference names a hosted model."""
    return ref.startswith(("openai:", "azure:", "http://", "https://"))


def find_provider(ref: str, environ: Mapping[str, str] = os.environ) -> Provider:
    """Resolve a reference to a hosted model. InputError where it is incomplete or contains a password.

    >>> find_provider("http://localhost:8000/v1#mine", {}).model
    'mine'
    """
    kind, _, rest = ref.partition(":")
    if kind in ("http", "https"):
        return _find_server(ref)
    if not rest:
        raise InputError(ref, f"names no model; expected {kind}:MODEL")
    if kind == "azure":
        endpoint = environ.get("AZURE_OPENAI_ENDPOINT")
        if not endpoint:
            raise InputError(ref, "needs the address in the environment: AZURE_OPENAI_ENDPOINT")
        return Provider(ref, "azure", rest, _check_address(endpoint, "AZURE_OPENAI_ENDPOINT"))
    url = environ.get("OPENAI_BASE_URL") or OPENAI_URL
    return Provider(ref, "openai", rest, _check_address(url, "OPENAI_BASE_URL"))


def _find_server(ref: str) -> Provider:
    url, _, model = ref.partition("#")
    _check_address(url, "MODEL")
    if not model:
        raise InputError(ref, f"names no model; {_EXPECTED_ADDRESS}")
    return Provider(ref, "server", model, url)


def _check_address(url: str, place: str) -> str:
    """Return a valid address. InputError where it is none or holds credentials, which the error does not repeat."""
    try:
        parts = urlsplit(url)
        has_secret, is_address = parts.username or parts.password or parts.query, bool(parts.hostname)
        _ = parts.port  # raises ValueError where it is not a number
    except ValueError:
        has_secret, is_address = None, False
    if has_secret:
        raise InputError(place, "an address with a user, a password or a query; expected keys in their own variables")
    if not is_address:
        raise InputError(place, f"{url!r} is not an address; {_EXPECTED_ADDRESS}")
    return url
