"""Loads tokenizer, config, weights and model from a reference: a folder of a model or an adapter, a GGUF file, a name
of the catalog (models/catalog.py) or a Hub id.

Training and decoding are elsewhere. Heavy libraries are imported only when something is loaded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fliptrace.core.errors import InputError, MissingExtra
from fliptrace.core.files import read_object
from fliptrace.models.catalog import CATALOG, BaseRecord, locate
from fliptrace.models.local.architecture import (
    Training,
    require_attention,
    require_decoder,
    require_embeddings,
    require_quantizer,
)
from fliptrace.models.local.devices import choose_device, computes_bf16
from fliptrace.models.local.gguf import is_gguf, open_gguf
from fliptrace.models.local.hub import check_hub_weights, first_line, why_not_on_hub
from fliptrace.models.local.weight_files import check_adapter, check_weights

if TYPE_CHECKING:
    from fliptrace.models.local.model import LocalModel

Dtype = Literal["auto", "fp32", "bf16"]

_ADAPTER_CONFIG = "adapter_config.json"
# Python code that comes with a model is never run, and nobody is asked on stdin whether it may.
NO_CODE = {"trust_remote_code": False}


def load_local(ref: str, *, device: str = "auto", dtype: Dtype = "auto", name: str | None = None) -> LocalModel:
    """Load a chat model, named `name` or, by default, `ref`.

    `dtype` "auto" keeps the stored dtype of the weights on an accelerator. On a CPU it is fp32, or bf16 if the weights
    are stored so and the CPU multiplies bf16, which is several times as fast there.
    """
    _require_torch(f"model {ref}")
    import torch

    from fliptrace.models.local.model import LocalModel

    chosen = choose_device(device)
    tokenizer = load_tokenizer(ref)
    check_base(ref, tokenizer)
    on_cpu = dtype == "auto" and chosen.type == "cpu"
    model = _unwrap(load_causal_lm(ref, "fp32" if on_cpu else dtype))
    if on_cpu and load_config(ref).dtype == torch.bfloat16 and computes_bf16("cpu"):
        _round_weights(model)
    return LocalModel(model.to(chosen), tokenizer, name or ref)


def load_tokenizer(ref: str) -> Any:
    """Load the tokenizer of a model; for an adapter, the one in its folder or else that of its base model."""
    _require_torch(f"model {ref}")
    from transformers import AutoTokenizer

    ref = resolve(ref)
    if is_adapter(ref) and not (_folder(ref) / "tokenizer_config.json").exists():
        return load_tokenizer(base_of(ref))
    with quiet():
        return _load(ref, partial(AutoTokenizer.from_pretrained, **NO_CODE))


def load_causal_lm(ref: str, dtype: Dtype = "auto", *, trainable: bool = False) -> Any:
    """Load a Hugging Face causal language model on the CPU, in eval mode; an adapter gives a PeftModel over its base.

    `dtype` "auto" keeps the stored dtype of the weights. `trainable` makes the weights of an adapter trainable; it has
    no effect on a model without an adapter.
    """
    _require_torch(f"model {ref}")
    import torch
    from transformers import AutoModelForCausalLM

    ref = resolve(ref)
    if is_adapter(ref):
        return _apply_adapter(load_causal_lm(base_of(ref), dtype), ref, trainable)
    torch_dtype = {"auto": "auto", "fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
    # Adapters are handled above. transformers' own search for one would contact the Hub even for cached models.
    load = partial(
        AutoModelForCausalLM.from_pretrained,
        dtype=torch_dtype,
        adapter_kwargs={"local_files_only": True},
        use_safetensors=True,
        **NO_CODE,
    )
    require_decoder(load_config(ref), ref)
    with quiet():
        return _load(ref, load).eval()


def resolve(ref: str) -> str:
    """Return the folder that a name of the catalog or a GGUF file stands for, and any other reference as it is.

    A GGUF file is read into its folder the first time. InputError if a model of the catalog is not fetched yet.
    """
    if ref in CATALOG and not _folder(ref).exists():
        return str(locate(ref))
    if is_gguf(ref):
        _require_torch(f"model {ref}")
        with quiet():
            return str(open_gguf(_folder(ref)))
    return ref


def base_record(ref: str) -> BaseRecord | None:
    """What a base is made from, if it is of the catalog or a GGUF file, or an adapter on one of the catalog."""
    return BaseRecord.read(_folder(resolve(ref)))


def is_adapter(ref: str) -> bool:
    return (_folder(ref) / _ADAPTER_CONFIG).is_file()


def load_config(ref: str) -> Any:
    """Load the config of a model without its weights; for an adapter, the config of its base model."""
    _require_torch(f"model {ref}")
    from transformers import AutoConfig

    ref = resolve(ref)
    if is_adapter(ref):
        return load_config(base_of(ref))
    with quiet():
        return _load(ref, partial(AutoConfig.from_pretrained, **NO_CODE))


def check_base(ref: str, tokenizer: Any = None, *, to_train: Training | None = None) -> None:
    """InputError if a model cannot be loaded, decoded or, if that is wanted, trained. Loads no weights.

    `tokenizer` is the model's, if it is loaded already. Weights on the Hub are not downloaded for this.
    """
    _require_torch(f"model {ref}")
    ref = resolve(ref)
    config = load_config(ref)
    require_decoder(config, ref)
    require_attention(config, ref)
    require_quantizer(config, ref, to_train)
    _check_files(ref, config)
    require_embeddings(config, tokenizer or load_tokenizer(ref), ref)


def _check_files(ref: str, config: Any) -> None:
    """Check the weights of a folder; those of an adapter, and then of its base, whose config is given."""
    if is_adapter(ref):
        base = base_of(ref)
        refuse_pickles(_folder(ref))
        check_weights(_folder(ref), "adapter_model")
        check_adapter(_folder(ref), blank_model(config), base)
        _check_files(base, config)
    elif _folder(ref).is_dir():
        check_weights(_folder(ref), "model")
    else:
        check_hub_weights(ref)


def blank_model(config: Any) -> Any:
    """Build a model on the meta device, where weights have shapes but take no memory."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def base_of(adapter: str) -> str:
    """Return the base model of an adapter folder; a relative path is resolved against the adapter folder.

    InputError if the adapter's config names no base, or if its base of the catalog is not the one it was trained on.
    """
    config = _folder(adapter) / _ADAPTER_CONFIG
    base = read_object(config).get("base_model_name_or_path")
    if not base:
        raise InputError(config, "base_model_name_or_path is empty; expected the folder or Hub id of the base model")
    relative = _folder(adapter) / base
    resolved = resolve(str(relative if relative.exists() else base))
    trained_on, found = BaseRecord.read(_folder(adapter)), BaseRecord.read(_folder(resolved))
    if trained_on and found and trained_on.sha256 != found.sha256:
        raise InputError(
            adapter,
            f"trained on {trained_on.name} with sha256 {trained_on.sha256}; {resolved} has sha256 {found.sha256}",
        )
    return resolved


@contextmanager
def quiet() -> Iterator[None]:
    """Context manager that turns off Hugging Face's progress bars and warnings, and restores them afterwards."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    verbosity, hub_verbosity = logging.get_verbosity(), hub_logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub_logging.set_verbosity(logging.ERROR)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # transformers 5.23 deprecates these names, but 5.0 knows no others. Users could do nothing about it.
            warnings.filterwarnings("ignore", r"`\w*gradient_checkpointing\w*` is deprecated", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        hub_logging.set_verbosity(hub_verbosity)
        if bars:
            logging.enable_progress_bar()


def _folder(ref: str) -> Path:
    return Path(ref).expanduser()


def _load(ref: str, load: Callable[..., Any]) -> Any:
    """Load from a folder, else from the Hub's cache, else from the Hub. InputError says what is missing."""
    if _folder(ref).is_dir():
        return _load_folder(_folder(ref), load)
    if _folder(ref).is_absolute() or ref.startswith(".") or ref.count("/") > 1:
        raise InputError(ref, "no such folder")
    try:
        return load(ref, local_files_only=True)
    except (OSError, ValueError) as error:
        if _wants_code(error):
            raise _code_refused(ref) from None
        why_not = why_not_on_hub(ref)
        if why_not is not None:
            advice = "cannot be reached: put the model into a folder and give its path"
            raise InputError(ref, f"no such folder, and on the Hub the model {advice} ({why_not})") from error
    with _loading_explained(ref):
        return load(ref)


def _load_folder(folder: Path, load: Callable[..., Any]) -> Any:
    if not (folder / "config.json").is_file() and not is_adapter(str(folder)):
        raise InputError(
            folder, f"no config.json and no {_ADAPTER_CONFIG}; expected a Hugging Face model or an adapter"
        )
    refuse_pickles(folder)
    with _loading_explained(folder):
        return load(str(folder))


@contextmanager
def _loading_explained(place: object) -> Iterator[None]:
    """Turn what transformers raises for models that it cannot load into an InputError of one line."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:  # the last three: odd configs
        if _wants_code(error):
            raise _code_refused(place) from None
        raise InputError(place, f"cannot be read as a Hugging Face model: {first_line(error)}") from error


def _wants_code(error: Exception) -> bool:
    return "trust_remote_code" in str(error)


def _code_refused(place: object) -> InputError:
    return InputError(
        place,
        "its config names Python of its own (auto_map), which is never run, and there is no option to allow it; "
        "expected a model and a tokenizer of kinds that transformers has itself",
    )


def refuse_pickles(folder: Path) -> None:
    """InputError if a folder's weights are only there as pickles, which can run any code when they are loaded."""
    for stem, pickled in (("model", "pytorch_model*.bin"), ("adapter_model", "adapter_model*.bin")):
        found = next(folder.glob(pickled), None)
        if found is not None and not any(folder.glob(f"{stem}*.safetensors")):
            raise InputError(found, "pickled weights, which can run code when loaded; expected safetensors")


def _apply_adapter(base: Any, ref: str, trainable: bool) -> Any:
    from peft import PeftModel
    from peft.tuners.tuners_utils import BaseTuner

    refuse_pickles(_folder(ref))
    with quiet():
        model = PeftModel.from_pretrained(base, str(_folder(ref)), is_trainable=trainable)
    if not isinstance(model.base_model, BaseTuner):
        kind = model.peft_config["default"].peft_type
        raise InputError(ref, f"an adapter of type {kind}; expected one inside the layers, such as LoRA")
    return model.eval()


def _unwrap(model: Any) -> Any:
    """Return the model without its PEFT wrapper: in fp32, where rounding is harmless, the adapter is merged into the
    weights; in other dtypes its layers stay in place.
    """
    import torch
    from peft import PeftModel

    if not isinstance(model, PeftModel):
        return model
    return model.merge_and_unload() if model.dtype == torch.float32 else model.get_base_model()


def _round_weights(model: Any) -> None:
    """Round the weights to bf16. Buffers, such as the frequencies of RoPE, stay exact."""
    import torch

    for weight in model.parameters():
        weight.data = weight.data.to(torch.bfloat16)


def _require_torch(place: str) -> None:
    from importlib.util import find_spec

    missing = [package for package in ("torch", "transformers", "peft") if find_spec(package) is None]
    if missing:
        raise MissingExtra(place, "train", " and ".join(missing))
