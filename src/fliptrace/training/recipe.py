"""A training recipe: every number a run depends on, read from TOML and typed. Unknown keys are errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AliasChoices,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.curate.curator import EMOTION_KINDS, OWN_ANSWER_KINDS, Kind
from fliptrace.inference.config import InferenceConfig
from fliptrace.models.base import Decoding, DecodingKind
from fliptrace.models.hosted.provider import is_hosted
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import Layout, LayoutName
from fliptrace.training.typed_toml import FileName, Part, parse_table, read_toml

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
OutOfZone = Literal["keep", "leave out"]
OwnAnswersFrom = Literal["held-out", "in-sample"]
BASE = "base"  # the `parent` of a stage that starts from the base


def renamed_from(old: str, **constraints: Any) -> Any:
    """A field whose key used to be `old`. Files may use either key; hashes still use the old one."""
    new = old.replace("readings", "evaluations")
    return Field(validation_alias=AliasChoices(new, old), serialization_alias=old, **constraints)


class SparsePart(Part):
    """A table whose JSON omits the keys in `later_keys` if they are not set.

    These keys were added later; omitting them keeps the hashes of older recipes.
    """

    later_keys: ClassVar[frozenset[str]]

    @model_serializer(mode="wrap")
    def _omit_unset_later_keys(self, dump: SerializerFunctionWrapHandler) -> Json:
        table: Json = dump(self)
        return {key: value for key, value in table.items() if key not in self.later_keys or value is not None}


class Data(Part):
    """The data for training and for choosing checkpoints: `NAME:SPLIT` of a known corpus, or paths of EFR files."""

    train: list[str] = Field(min_length=1)
    val: list[str] = Field(min_length=1)
    resplit: Share = 0.0  # 0: keep the published splits; else split train + val anew by group, this share to val
    shared_groups: Literal["refuse", "report"] = "refuse"  # what to do if train and val share groups
    out_of_zone: OutOfZone = "keep"  # training triggers before the flip's source
    emotions: dict[str, Positive] = Field(default={})  # files for the kind `emotion`, and their weights
    emotion_set: Literal["as labelled", "masac8"] = "as labelled"  # masac8: map all labels to these eight
    emotion_val: list[str] = Field(default=[])  # emotion files to label, from bare text, after every stage
    hold_out: list[str] = Field(default=[])  # files whose dialogues are never trained on, not even in part
    max_train_cases: Count | None = None  # only the first ones, for a quick try
    max_val_cases: Count | None = None


class Scratch(Part):
    """The sizes of a new Llama-style model. Its BPE tokenizer is trained on the training text."""

    vocab_size: Count
    hidden_size: Count
    num_layers: Count
    num_heads: Count
    num_kv_heads: Count
    intermediate_size: Count
    max_position_embeddings: Count = 1024


class Base(Part):
    """Where training starts: "scratch", a folder, a GGUF file, a name of `fliptrace models list` or a Hub id."""

    model: str
    scratch: Scratch | None = None

    @model_validator(mode="after")
    def _scratch_has_a_size(self) -> Self:
        if (self.model == "scratch") != (self.scratch is not None):
            raise ValueError("model = 'scratch' requires a table [base.scratch], any other model takes none")
        return self


class Prompt(SparsePart):
    """How prompts show cases (prompts/views.py)."""

    later_keys = frozenset({"emotions_in_one_reply"})

    layout: LayoutName = "dialogue"
    window: Annotated[int, Field(ge=2)] = 8
    max_words: Count = 20
    reach: Count = 5
    emotion_window: Count | None = None
    emotions_in_one_reply: bool | None = None  # of the shared layout, by a model trained with the kind `emotions`


class Curate(SparsePart):
    """How instructions are built (curate/)."""

    later_keys = frozenset({"cut_triggers"})

    num_wordings: Count = 3
    teacher: str | None = None  # a MODEL that writes the rationales; None: build them from checkable observations
    # Share of train groups that stage 1 never sees. The model answers these cases; each later stage corrects one part.
    held_out: Share = 0.2
    own_ask: Ask = "answer"
    own_samples: Count = 4
    own_temperature: Positive = 1.0
    own_max_new_tokens: Count = 256
    max_right_share: Share = 0.5
    feedback_level: FeedbackLevel = "full"
    soft_triggers: Share = 0.0  # share of a plain answer's target that comes from out-of-fold boosted trees
    # Cases whose trigger does not fit the model's context: kept, they would be taught with a trigger missing.
    cut_triggers: Literal["leave out", "keep"] | None = None  # None: leave out
    soft_emotions: dict[str, Share] = Field(default={})  # per emotion file: the share that comes from word counts


class Tuning(SparsePart):
    """The optimisation settings of all stages; a stage can override some of them."""

    later_keys = frozenset({"packing", "saves_per_stage", "tree_tokens", "lora_targets"})

    method: Literal["full", "lora"] = "full"
    learning_rate: Positive
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: Share = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    batch_tokens: Count = 8192  # per forward pass, padding included, counted as if every example had its own row
    tree_tokens: Count | None = None  # per forward pass on trees, shared tokens counted once; None: by batch_tokens
    packing: Literal["none", "prefix-tree"] | None = None  # trees store shared tokens once; None: see Recipe.packs
    accumulate: Count = 1  # batches per optimizer step
    max_grad_norm: Positive = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # auto: bf16 if the hardware supports it, else fp32
    device: str = "auto"
    quantize: Literal["none", "4bit", "auto"] = "none"  # of a frozen base; auto: 4bit if available
    lora_targets: Annotated[list[str], Field(min_length=1)] | None = None  # names of layers; None: all linear ones
    lora_rank: Count = 16
    lora_alpha: Count = 32
    lora_dropout: Share = 0.0
    between_stages: Literal["continue", "merge"] = "continue"  # continue the adapter, or merge it and start anew
    gradient_checkpointing: bool = False
    evals_per_epoch: Annotated[float, Field(ge=0)] = 1  # 0: none, and the last step's weights are kept
    saves_per_stage: Count | None = None  # steps from which a killed stage can go on; None: those with an evaluation
    patience: Count = 3  # a stage stops after this many evaluations without a better trigger F1 on val

    @model_validator(mode="after")
    def _quantize_needs_an_adapter(self) -> Self:
        if self.quantize != "none" and self.method != "lora":
            raise ValueError("quantize = '4bit' freezes the base; expected method = 'lora'")
        if self.quantize != "none" and self.between_stages == "merge":
            raise ValueError("an adapter cannot be merged into a 4-bit base; expected between_stages = 'continue'")
        return self

    @field_validator("precision", mode="before")
    @classmethod
    def _refuse_fp16(cls, value: object) -> object:
        if value in ("fp16", "float16", "half"):
            raise ValueError(
                f"{value!r} overflows in training without loss scaling, which this engine has not; expected 'auto', "
                "'bf16' or 'fp32'"
            )
        return value

    @model_validator(mode="after")
    def _trees_need_no_dropout(self) -> Self:
        if self.packing == "prefix-tree" and self.drops:
            raise ValueError(
                "packing = 'prefix-tree': dropout on shared tokens would be shared too; expected lora_dropout = 0"
            )
        return self

    @property
    def drops(self) -> bool:
        """Whether the adapters use dropout."""
        return self.method == "lora" and self.lora_dropout > 0


class Hosted(Part):
    """How a provider trains: the hyperparameters it accepts; None leaves them to the provider.

    `choose` picks one of its checkpoints, of which there is one per epoch: the last, or the best on val. The latter
    costs one evaluation on val per checkpoint.
    """

    learning_rate_multiplier: Positive | None = None  # factor on the provider's own learning rate
    batch_size: Count | None = None
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,18}$")] = "fliptrace"  # in the name of the trained model
    choose: Literal["last", "best on val"] = "last"


class Stage(SparsePart):
    """One training stage: its mixture of instruction kinds, its length and its parent.

    A control stage uses `steps_of`: it takes as many steps as another stage, on the labels available to that stage.
    """

    later_keys = frozenset(
        {"steps_of", "parent", "feedback_level", "own_answers", "share", "learning_rate_multiplier", "tree_tokens"}
    )

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
    mixture: dict[Kind, Positive] = Field(min_length=1)
    epochs: Positive | None = None
    steps_of: str | None = None  # instead of epochs: as many optimizer steps as this earlier stage took
    parent: str | None = None  # None: the previous stage; else "base" or the name of an earlier stage
    learning_rate: Positive | None = None
    tree_tokens: Count | None = None  # None: as in `tuning`
    learning_rate_multiplier: Positive | None = None  # for a hosted base; None: as in `hosted`
    emotions: dict[str, Positive] | None = None  # None: as in `data`; else some of its files, weighted
    out_of_zone: OutOfZone | None = None  # None: as in `data`
    soft_triggers: Share | None = None  # None: as in `curate`
    feedback_level: FeedbackLevel | None = None  # None: as in `curate`
    # Which cases the parent answers. None: held-out ones; "in-sample": as many cases of its own training data.
    own_answers: OwnAnswersFrom | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None  # of the groups to train on; None: all of them

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if (self.epochs is None) == (self.steps_of is None):
            raise ValueError("a stage takes exactly one of epochs and steps_of")
        return self

    @property
    def needs_own_answers(self) -> bool:
        return not OWN_ANSWER_KINDS.isdisjoint(self.mixture)


class EvaluationPart(SparsePart):
    """One evaluation of the model on val. The run's table lists its scores under its name."""

    later_keys = frozenset({"constrain"})

    ask: Ask = "answer"
    decode: DecodingKind | None = None  # None: greedy for one sample, else self-consistency
    samples: Count = 1  # sampled replies; with decode = "exact" and ask = "chain": sampled rationales
    temperature: Positive = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: Count = 256
    judge: bool = False  # add the self-evaluation turn
    constrain: bool | None = None  # false: unconstrained decoding, which allows illegal answers
    after: Literal["every stage", "last stage"] | list[str] = "every stage"  # or a list of stage names

    @model_validator(mode="after")
    def _decoding_is_consistent(self) -> Self:
        if self.decode == "greedy" and self.samples > 1:
            raise ValueError(f"decode = 'greedy' gives one reply, not {self.samples} samples")
        if self.decode == "exact" and self.judge:
            raise ValueError("decode = 'exact' gives probabilities, no answer to judge; expected judge = false")
        if self.decode == "exact" and self.ask == "answer" and self.samples > 1:
            raise ValueError("decode = 'exact' samples only rationales; expected samples = 1 or ask = 'chain'")
        return self

    def is_due(self, stage: str, *, is_last: bool) -> bool:
        if isinstance(self.after, str):
            return is_last or self.after == "every stage"
        return stage in self.after

    @property
    def kind(self) -> DecodingKind:
        return self.decode or ("greedy" if self.samples == 1 else "sample")


class Recipe(SparsePart):
    """The recipe of a run. `tuning` describes local training, `hosted` training by the provider of a hosted base."""

    later_keys = frozenset({"hosted"})

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)]
    seed: int = 0
    data: Data
    base: Base
    prompt: Prompt = Prompt()
    curate: Curate = Curate()
    tuning: Tuning | None = None
    hosted: Hosted | None = None
    stages: list[Stage] = Field(min_length=1)
    evaluations: dict[FileName, EvaluationPart] = renamed_from("readings", min_length=1)

    @model_validator(mode="after")
    def _stages_can_be_trained(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stages: duplicate name in {', '.join(names)}; expected distinct names")
        for position, stage in enumerate(self.stages):
            _check_origin(stage, names[:position])
        _check_evaluations(self.evaluations, names)
        if self.curate.held_out == 0 and any(stage.needs_own_answers for stage in self.stages):
            raise ValueError("curate.held_out: 0 leaves no cases for the own answers that a later stage corrects")
        for stage in self.stages:
            unknown = sorted((stage.emotions or {}).keys() - self.data.emotions.keys())
            if unknown:
                raise ValueError(f"stage {stage.name!r}: emotions has {unknown[0]!r}, which data.emotions lacks")
            for kind in EMOTION_KINDS:
                if kind in stage.mixture and not self.data.emotions:
                    raise ValueError(
                        f"stage {stage.name!r}: kind {kind!r} needs files in data.emotions, which is empty"
                    )
            if "emotions" in stage.mixture and self.prompt.layout != "shared":
                raise ValueError(f"stage {stage.name!r}: kind 'emotions' needs prompt.layout = 'shared'")
        if self.hosted is not None or is_hosted(self.base.model):
            self._check_hosted()
            return self
        tuning = self._tuning_given()
        self._check_soft_targets(tuning)
        if tuning.packing == "prefix-tree" and self.prompt.layout == "window":
            raise ValueError(
                "tuning.packing = 'prefix-tree': window prompts share nothing; expected prompt.layout = 'shared'"
            )
        return self

    def _tuning_given(self) -> Tuning:
        if self.tuning is None:
            raise ValueError("no [tuning]; a locally trained base needs one")
        for stage in self.stages:
            if stage.learning_rate_multiplier is not None:
                raise ValueError(f"stage {stage.name!r}: learning_rate_multiplier is for hosted bases")
        return self.tuning

    def _check_hosted(self) -> None:
        """Check what a provider supports: whole epochs, its own optimizer, loss on the last reply, no early stop."""
        if not is_hosted(self.base.model):
            raise ValueError(f"[hosted]: base.model = {self.base.model!r} is trained locally; expected [tuning]")
        if self.hosted is None or self.tuning is not None:
            raise ValueError(f"base.model = {self.base.model!r} is hosted; expected [hosted] and no [tuning]")
        if self._has_soft_targets:
            raise ValueError("curate: soft targets need a locally trained base")
        for name, part in self.evaluations.items():
            if part.kind == "exact":  # one sampled answer would get all the probability
                raise ValueError(
                    f"evaluation {name!r}: decode = 'exact' needs samples with a hosted model: use `predict`"
                )
        for stage in self.stages:
            if stage.epochs is None or stage.epochs % 1 or stage.learning_rate is not None:
                raise ValueError(
                    f"stage {stage.name!r}: a hosted base is trained for whole `epochs`, without steps_of, and with "
                    "learning_rate_multiplier instead of learning_rate"
                )

    def _check_soft_targets(self, tuning: Tuning) -> None:
        if not self._has_soft_targets:
            return
        if tuning.packing == "prefix-tree":
            raise ValueError("tuning.packing = 'prefix-tree' allows one label per token, but soft targets give several")
        unknown = sorted(self.curate.soft_emotions.keys() - self.data.emotions.keys())
        if unknown:
            raise ValueError(f"curate.soft_emotions has {unknown[0]!r}, which data.emotions lacks")
        if self.base.scratch is None or tuning.accumulate > 1:
            # The attention masks of soft examples fit the scratch model; sliding windows, for instance, need others.
            raise ValueError("curate: soft targets need base.model = 'scratch' and tuning.accumulate = 1")

    @property
    def _has_soft_targets(self) -> bool:
        of_stages = any(stage.soft_triggers for stage in self.stages)
        return bool(self.curate.soft_triggers or self.curate.soft_emotions or of_stages)

    @property
    def packs(self) -> bool:
        """Whether to train examples as prefix trees, provided that the model supports it.

        `tuning.packing` decides. If it is not set, examples are packed whenever the loss stays the same and the
        layout lets them share tokens.
        """
        tuning = self.local_tuning
        if tuning.packing is not None:
            return tuning.packing == "prefix-tree"
        return self.prompt.layout != "window" and not self._has_soft_targets and not tuning.drops

    @property
    def local_tuning(self) -> Tuning:
        """The tuning of a locally trained base."""
        assert self.tuning is not None, "a hosted recipe has no local tuning"
        return self.tuning

    @property
    def device(self) -> str:
        """The device for other models that a run needs, such as a teacher."""
        return "auto" if self.tuning is None else self.tuning.device

    @property
    def layout(self) -> Layout:
        prompt = self.prompt.model_dump(exclude={"layout", "emotions_in_one_reply"})
        in_one_reply = bool(self.prompt.emotions_in_one_reply)
        return Layout(**prompt, name=self.prompt.layout, emotions_in_one_reply=in_one_reply)

    @property
    def digest(self) -> str:
        """The hash of the recipe. It uses the keys of the first version, so that renaming a key changes no hash."""
        return hash_json(self.model_dump(mode="json", by_alias=True))

    def to_json(self) -> Json:
        return self.model_dump(mode="json")

    def inference_config(self, name: str) -> InferenceConfig:
        part = self.evaluations[name]
        decoding = Decoding(
            part.kind,
            part.samples,
            part.temperature,
            part.top_p,
            part.max_new_tokens,
            self.seed,
            constrain=part.constrain is not False,
        )
        return InferenceConfig(self.layout, part.ask, decoding, part.judge)


def _check_origin(stage: Stage, earlier: Sequence[str]) -> None:
    """Raise ValueError if `parent` or `steps_of` of a stage does not name an earlier stage."""
    for key, name in (("parent", stage.parent), ("steps_of", stage.steps_of)):
        known = [*([BASE] if key == "parent" else []), *earlier]
        if name is not None and name not in known:
            raise ValueError(f"stage {stage.name!r}: {key} is {name!r}; expected one of {', '.join(known) or 'none'}")
    if stage.needs_own_answers and (not earlier or stage.parent == BASE):
        raise ValueError(f"stages: {stage.name!r} has no trained parent whose answers it could correct")


def _check_evaluations(evaluations: Mapping[str, EvaluationPart], stages: Sequence[str]) -> None:
    for name, part in evaluations.items():
        unknown = [] if isinstance(part.after, str) else sorted(set(part.after) - set(stages))
        if unknown:
            raise ValueError(f"evaluation {name!r}: after has {unknown[0]!r}; expected stages of {', '.join(stages)}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file. The InputError names every wrong key, and suggests a known one for an unknown."""
    return parse_recipe(read_toml(path), place=str(path))


def parse_recipe(table: Json, place: str) -> Recipe:
    """Build a recipe from a parsed table. `place` starts the error messages."""
    return parse_table(Recipe, table, place, "recipe")


def override(recipe: Recipe, *, base: str | None, seed: int | None, device: str | None) -> Recipe:
    """Return the recipe with the overrides of the command line; None keeps a value."""
    table = recipe.to_json()
    if base is not None:
        table["base"] = {"model": base}
    if seed is not None:
        table["seed"] = seed
    if device is not None:
        if recipe.tuning is None:
            raise InputError("recipe", f"device {device!r} was given, but the base is hosted; expected no device")
        table["tuning"]["device"] = device
    return parse_recipe(table, "recipe as overridden")


def is_extended(old: Json, new: Json) -> bool:
    """Whether the new recipe only adds stages after those of the old one, so that the finished stages stay valid."""
    stages = new["stages"][: len(old["stages"])]
    return len(new["stages"]) > len(old["stages"]) and not differences(old, new | {"stages": stages})


def differences(old: Json, new: Json, prefix: str = "") -> list[str]:
    """List what changed between two recipes, one line per key: `tuning.learning_rate: 0.001 -> 0.002`."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = _numbered(old.get(key)), _numbered(new.get(key))
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {before!r} -> {after!r}")
    return lines


def _numbered(value: Any) -> Any:
    """Turn a list of tables into a table keyed by position, so that a change inside one of them can be named."""
    is_tables = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return {str(position): item for position, item in enumerate(value)} if is_tables else value
