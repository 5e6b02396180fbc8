"""Opens a MODEL, as every command takes it, and says how the model was trained to be prompted.

embedded                                                            the model that ships with fliptrace; needs no torch
smol                                                                SmolLM2-135M with this package's adapter
rule:previous | rule:previous-or-self | rule:previous-plus-self     rules that read no text
scripted:FILE                                                       replies from a file
a folder: a run, a checkpoint, a Hugging Face model, an adapter, an encoder model
embedded:FOLDER, or the folder                                      another encoder model, or an exported decoder
a GGUF file, which ends in .gguf
a name of `fliptrace models list`, such as smollm2-135m-instruct-q4_1
a Hub id such as Qwen/Qwen3-0.6B
openai:MODEL | azure:DEPLOYMENT | http://host:port/v1#MODEL         hosted models (models/hosted/provider.py)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import hash_file, hash_json
from fliptrace.models.base import ChatModel, Model
from fliptrace.models.bundled import embedded_folder, smol_folder
from fliptrace.models.checkpoints import InferenceDefaults, hosted_ref, is_run, last_checkpoint
from fliptrace.models.embedded import hash_weights, is_embedded, load_embedded
from fliptrace.models.encoder.config import GRAPHS, find_encoder
from fliptrace.models.encoder.reader import load_reader
from fliptrace.models.hosted.budget import Budget, Watcher, find_price
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider, is_hosted
from fliptrace.models.local.glibc import keep_large_buffers
from fliptrace.models.local.loading import Dtype, load_local, resolve
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel

SMOL = "smol"


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model ready for inference. `ref` is what it was opened from; for a run folder, its last checkpoint.

    `weights_sha256` identifies the weights, "" where there are no weight files. `in_bf16`: they are rounded to 16 bits
    (models/local/loading.py). `hosted` is the client of a hosted model, None for all others.
    """

    model: Model
    ref: str
    defaults: InferenceDefaults = field(default_factory=InferenceDefaults)
    weights_sha256: str = ""
    in_bf16: bool = False
    hosted: HostedModel | None = None

    def require_chat(self, role: str) -> ChatModel:
        """The model as one that writes text, to serve as `role`; InputError if it writes none."""
        if self.model.chat is None:
            raise InputError(f"{role} {self.ref}", "writes no text; expected a model that replies to messages")
        return self.model.chat


def open_model(
    ref: str,
    device: str = "auto",
    dtype: Dtype = "auto",
    hosted: HostedSettings | None = None,
    watcher: Watcher | None = None,
    budget: Budget | None = None,
) -> OpenModel:
    """Open the model that a reference names.

    `device` and `dtype` are for models on torch; `hosted`, `watcher` and `budget` for hosted ones. InputError says what
    is wrong with the reference, MissingExtra what has to be installed.
    """
    if is_hosted(ref):
        return _hosted(open_hosted(ref, hosted, watcher, budget), ref, InferenceDefaults())
    named = _open_named(ref, device, dtype)
    if named is not None:
        return named
    folder = last_checkpoint(Path(ref)) if is_run(Path(ref)) else Path(resolve(ref))
    if not folder.is_dir():
        model, in_bf16 = _load(ref, device, dtype, ref)
        return OpenModel(model, ref, in_bf16=in_bf16)
    served = hosted_ref(folder)
    if served is not None:  # it was trained on plain answer lines, so no JSON schema may impose another form
        settings = replace(hosted or HostedSettings(), structured=False)
        check_host(served, folder, settings)
        client = open_hosted(served, settings, watcher, budget)
        return _hosted(client, ref, InferenceDefaults.read(folder) or InferenceDefaults())
    return _open_exported(ref, folder) or _open_weights(folder, ref, device, dtype)


def _open_named(ref: str, device: str, dtype: Dtype) -> OpenModel | None:
    """Open a rule, a script or a model that ships with fliptrace; None if the reference is a path or a Hub id."""
    kind, colon, rest = ref.partition(":")
    if colon and kind == "rule":
        return OpenModel(find_rule(rest).as_model(), ref)
    if colon and kind == "scripted":
        return OpenModel(ScriptedModel.read(Path(rest)).as_model(), ref)
    if kind == "embedded":
        return _open_embedded(ref, Path(rest) if rest else embedded_folder())
    if ref == SMOL and not Path(ref).exists():
        return replace(_open_weights(smol_folder(), SMOL, device, dtype), ref=SMOL)
    if colon and "/" not in kind:
        raise InputError(
            ref,
            "unknown kind of model; expected embedded, smol, rule:NAME, scripted:FILE, a folder, a .gguf file, a name "
            "of `fliptrace models list`, a Hub id, openai:MODEL, azure:DEPLOYMENT or http://HOST/v1#MODEL",
        )
    return None


def open_hosted(
    ref: str,
    settings: HostedSettings | None = None,
    watcher: Watcher | None = None,
    budget: Budget | None = None,
) -> HostedModel:
    """The client of a hosted model. Its price is looked up if the settings give none."""
    missing = [module for module in ("openai", "stamina", "genai_prices") if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"model {ref}", "hosted", " and ".join(missing))
    provider, chosen = find_provider(ref), settings or HostedSettings()
    return HostedModel(provider, replace(chosen, price=chosen.price or find_price(provider)), watcher, budget)


def check_host(served: str, place: Path, settings: HostedSettings) -> None:
    """InputError if a folder or a recipe, which may be a stranger's, names a host that the user did not.

    Transcripts and the key are sent there. Providers that are configured in the environment, and this machine, are
    allowed.
    """
    if not served.startswith(("http://", "https://")):
        return
    host = urlsplit(served).hostname or ""
    if host not in ("localhost", "127.0.0.1", "::1", *settings.allowed_hosts):
        address = served.partition("#")[0]
        raise InputError(
            place, f"names a model at {address}, which would be sent the text and the key: --allow-host {host}"
        )


def _hosted(client: HostedModel, ref: str, defaults: InferenceDefaults) -> OpenModel:
    return OpenModel(client.as_model(), ref, defaults, hosted=client)


def _open_embedded(ref: str, folder: Path) -> OpenModel:
    """Open a model that needs no torch; InputError if the folder holds none."""
    opened = _open_exported(ref, folder)
    if opened is None:
        raise InputError(folder, "holds neither an encoder model nor an exported decoder; expected one of them")
    return opened


def _open_exported(ref: str, folder: Path) -> OpenModel | None:
    """Open a model of ONNX graphs, an exported decoder or an encoder; None if the folder holds neither."""
    if is_embedded(folder):
        defaults = InferenceDefaults.read(folder) or InferenceDefaults()
        return OpenModel(load_embedded(folder, name=ref).as_model(), ref, defaults, hash_weights(folder))
    encoder = find_encoder(folder)
    if encoder is None:
        return None
    defaults = InferenceDefaults.read(encoder) or InferenceDefaults()
    hashes = [hash_file(encoder / file) for file in GRAPHS]
    return OpenModel(load_reader(encoder, ref).as_model(), ref, defaults, hash_json(hashes))


def _open_weights(folder: Path, ref: str, device: str, dtype: Dtype) -> OpenModel:
    """Open a folder of a model or an adapter. `ref` is how the user called it."""
    hashes = [hash_file(path) for path in sorted(folder.glob("*.safetensors"))]
    weights = hash_json(hashes) if len(hashes) > 1 else "".join(hashes)
    defaults = InferenceDefaults.read(folder) or InferenceDefaults()
    model, in_bf16 = _load(str(folder), device, dtype, ref)
    return OpenModel(model, str(folder), defaults, weights, in_bf16)


def _load(ref: str, device: str, dtype: Dtype, name: str) -> tuple[Model, bool]:
    """Load a model; also whether it computes in bf16."""
    local = load_local(ref, device=device, dtype=dtype, name=name)
    if local.model.device.type == "cpu":
        keep_large_buffers()
    return local.as_model(), str(local.model.dtype) == "torch.bfloat16"
