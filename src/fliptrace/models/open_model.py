"""MODEL, as every command takes it: what a reference means, and how the model behind it was trained to be asked.

embedded                                                           the model that fliptrace brings; needs no torch
rule:previous | rule:previous-or-self | rule:previous-plus-self     rules that read no word
scripted:FILE                                                      replies from a file
a folder: a run, a checkpoint, a Hugging Face model, an adapter, an embedded model (also as embedded:FOLDER)
a Hub id such as Qwen/Qwen3-0.6B
openai:MODEL | azure:DEPLOYMENT | http://host:port/v1#MODEL        hosted models (models/hosted/provider.py)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import hash_file, hash_json
from fliptrace.models.base import ChatModel, ReplyScorer, TriggerModel
from fliptrace.models.checkpoints import InferenceDefaults, hosted_ref, is_run, last_checkpoint
from fliptrace.models.embedded import bundled_folder, hash_weights, is_embedded, load_embedded
from fliptrace.models.hosted.budget import Budget, Watcher, find_price
from fliptrace.models.hosted.model import HostedModel, HostedSettings
from fliptrace.models.hosted.provider import find_provider, is_hosted
from fliptrace.models.local.glibc import keep_large_buffers
from fliptrace.models.local.loading import Dtype, load_local
from fliptrace.models.rules import find_rule
from fliptrace.models.scripted import ScriptedModel


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model ready to answer; `ref` is what it was opened from, a run folder being its last checkpoint.

    `weights_sha256` tells two models in one place apart, "" where there are no files of weights.
    """

    model: ChatModel | ReplyScorer | TriggerModel
    ref: str
    defaults: InferenceDefaults = field(default_factory=InferenceDefaults)
    weights_sha256: str = ""


def open_model(
    ref: str,
    device: str = "auto",
    dtype: Dtype = "auto",
    hosted: HostedSettings | None = None,
    watcher: Watcher | None = None,
    budget: Budget | None = None,
) -> OpenModel:
    """The model a reference names; `device` and `dtype` are for models on torch, the others for hosted ones.

    InputError names what is wrong with it, MissingExtra what has to be installed.
    """
    if is_hosted(ref):
        return OpenModel(open_hosted(ref, hosted, watcher, budget), ref)
    kind, colon, rest = ref.partition(":")
    if colon and kind == "rule":
        return OpenModel(find_rule(rest), ref)
    if colon and kind == "scripted":
        return OpenModel(ScriptedModel.read(Path(rest)), ref)
    if kind == "embedded":
        return _open_embedded(ref, Path(rest) if rest else bundled_folder())
    if colon and "/" not in kind:
        raise InputError(
            ref,
            "no such kind of model; there are embedded, rule:NAME, scripted:FILE, a folder, a Hub id, openai:MODEL, "
            "azure:DEPLOYMENT, http://HOST/v1#MODEL",
        )
    folder = last_checkpoint(Path(ref)) if is_run(Path(ref)) else Path(ref)
    if not folder.is_dir():
        return OpenModel(_load(ref, device, dtype, ref), ref)
    served = hosted_ref(folder)
    if served is not None:  # it learned answer lines as they are: no schema holds it to another form
        settings = replace(hosted or HostedSettings(), structured=False)
        return OpenModel(
            open_hosted(served, settings, watcher, budget), ref, InferenceDefaults.read(folder) or InferenceDefaults()
        )
    if is_embedded(folder):
        return _open_embedded(ref, folder)
    hashes = [hash_file(path) for path in sorted(folder.glob("*.safetensors"))]
    weights = hash_json(hashes) if len(hashes) > 1 else "".join(hashes)
    return OpenModel(
        _load(str(folder), device, dtype, ref),
        str(folder),
        InferenceDefaults.read(folder) or InferenceDefaults(),
        weights,
    )


def open_hosted(
    ref: str,
    settings: HostedSettings | None = None,
    watcher: Watcher | None = None,
    budget: Budget | None = None,
) -> HostedModel:
    """A hosted model, its price looked up where none is given."""
    missing = [module for module in ("openai", "stamina", "genai_prices") if find_spec(module) is None]
    if missing:
        raise MissingExtra(f"model {ref}", "hosted", " and ".join(missing))
    provider, chosen = find_provider(ref), settings or HostedSettings()
    return HostedModel(provider, replace(chosen, price=chosen.price or find_price(provider)), watcher, budget)


def _open_embedded(ref: str, folder: Path) -> OpenModel:
    model = load_embedded(folder, name=ref)
    return OpenModel(model, ref, InferenceDefaults.read(folder) or InferenceDefaults(), hash_weights(folder))


def _load(ref: str, device: str, dtype: Dtype, name: str) -> Any:
    model = load_local(ref, device=device, dtype=dtype, name=name)
    if model.model.device.type == "cpu":
        keep_large_buffers()
    return model
