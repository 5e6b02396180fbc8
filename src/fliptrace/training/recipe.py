"""A training recipe: every number a run depends on, read from TOML, typed, with nothing unknown in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from fliptrace.core.errors import InputError
from fliptrace.core.files import Json, hash_json
from fliptrace.curate.curator import OWN_ANSWER_KINDS, Kind
from fliptrace.inference.triggers import InferenceConfig
from fliptrace.models.base import Decoding, DecodingKind
from fliptrace.models.hosted.provider import is_hosted
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import Layout, LayoutName
from fliptrace.training.typed_toml import Part, parse_table, read_toml

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
OutOfZone = Literal["keep", "leave out"]
OwnAnswersFrom = Literal["held-out", "in-sample"]
BASE = "base"  # the parent of a stage that starts from the base


def renamed_from(old: str, **constraints: Any) -> Any:
    """A field whose key used to be `old`: files may use either key, and hashes still use the old one."""
    new = old.replace("readings", "evaluations")
    return Field(validation_alias=AliasChoices(new, old), serialization_alias=old, **constraints)


class SparsePart(Part):
    """A table that leaves out, as JSON, the keys of `later_keys` where they are not set: they were added to it later,
    and the hash of an older recipe stays what it was.
    """

    later_keys: ClassVar[frozenset[str]]

    @model_serializer(mode="wrap")
    def _leave_out_what_is_not_said(self, dump: SerializerFunctionWrapHandler) -> Json:
        table: Json = dump(self)
        return {key: value for key, value in table.items() if key not in self.later_keys or value is not None}


class Data(Part):
    """What to train and to choose on: `NAME:SPLIT` of a known corpus, or paths of EFR files."""

    train: list[str] = Field(min_length=1)
    val: list[str] = Field(min_length=1)
    resplit: Share = 0.0  # 0 keeps the splits as published; else train + val are split anew by group, this share to val
    shared_groups: Literal["refuse", "report"] = "refuse"  # what to do where train and val share groups
    out_of_zone: OutOfZone = "keep"  # training triggers that lie before the flip's source
    emotions: dict[str, Positive] = Field(default={})  # files for the kind `emotion`, and how often each is taken
    emotion_set: Literal["as labelled", "masac8"] = "as labelled"  # masac8: labels of all files mapped to those eight
    emotion_val: list[str] = Field(default=[])  # emotion files that are labelled, from bare text, after every stage
    hold_out: list[str] = Field(default=[])  # files whose dialogues, in whole or in part, are trained on nowhere
    max_train_cases: Count | None = None  # the first so many, for a quick try
    max_val_cases: Count | None = None


class Scratch(Part):
    """A Llama-style model and its BPE tokenizer, made from the training text."""

    vocab_size: Count
    hidden_size: Count
    num_layers: Count
    num_heads: Count
    num_kv_heads: Count
    intermediate_size: Count
    max_position_embeddings: Count = 1024


class Base(Part):
    """Where training starts: "scratch", a local folder or a Hub id."""

    model: str
    scratch: Scratch | None = None

    @model_validator(mode="after")
    def _scratch_has_a_size(self) -> Self:
        if (self.model == "scratch") != (self.scratch is not None):
            raise ValueError("a base of model = 'scratch' takes a table [base.scratch], any other takes none")
        return self


class Prompt(Part):
    """How cases are shown (prompts/views.py)."""

    layout: LayoutName = "dialogue"
    window: Annotated[int, Field(ge=2)] = 8
    max_words: Count = 20
    reach: Count = 5
    emotion_window: Count | None = None


class Curate(Part):
    """How instructions are made (curate/)."""

    num_wordings: Count = 3
    teacher: str | None = None  # a MODEL that writes the rationales; None builds them from checkable observations
    held_out: Share = 0.2  # share of train groups that stage 1 never sees: own answers come from there, a part a stage
    own_ask: Ask = "answer"
    own_samples: Count = 4
    own_temperature: Positive = 1.0
    own_max_new_tokens: Count = 256
    max_right_share: Share = 0.5
    feedback_level: FeedbackLevel = "full"
    soft_triggers: Share = 0.0  # share of a plain answer's target that boosted trees give, out of fold
    soft_emotions: dict[str, Share] = Field(default={})  # by emotion file: the share that word counts give


class Tuning(SparsePart):
    """The optimisation, the same in every stage but for what a stage overrides."""

    later_keys = frozenset({"packing"})

    method: Literal["full", "lora"] = "full"
    learning_rate: Positive
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: Share = 0.05
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    batch_tokens: Count = 8192  # tokens of the examples of one forward pass, as rows of their own, padding included
    packing: Literal["none", "prefix-tree"] | None = None  # trees hold once what examples share; None: see Recipe.packs
    accumulate: Count = 1  # batches of `batch_tokens` that one optimizer step adds up
    max_grad_norm: Positive = 1.0
    precision: Literal["auto", "bf16", "fp32"] = "auto"  # auto: bf16 where the device computes it, else fp32
    device: str = "auto"
    quantize: Literal["none", "4bit", "auto"] = "none"  # of a frozen base; auto: 4bit where bitsandbytes is there
    lora_rank: Count = 16
    lora_alpha: Count = 32
    lora_dropout: Share = 0.0
    between_stages: Literal["continue", "merge"] = "continue"  # the adapter goes on, or is merged and a new one begins
    gradient_checkpointing: bool = False
    evals_per_epoch: Positive = 1
    patience: Count = 3  # evaluations on val without a better trigger F1 after which a stage stops

    @model_validator(mode="after")
    def _quantize_needs_an_adapter(self) -> Self:
        if self.quantize != "none" and self.method != "lora":
            raise ValueError("quantize = '4bit' freezes the base: it goes with method = 'lora'")
        if self.quantize != "none" and self.between_stages == "merge":
            raise ValueError("an adapter cannot be merged into a 4-bit base: between_stages = 'continue'")
        return self

    @model_validator(mode="after")
    def _trees_share_no_noise(self) -> Self:
        if self.packing == "prefix-tree" and self.drops:
            raise ValueError(
                "packing = 'prefix-tree': examples would share the noise of what they share: lora_dropout = 0"
            )
        return self

    @property
    def drops(self) -> bool:
        """Whether adapters drop out at random."""
        return self.method == "lora" and self.lora_dropout > 0


class Hosted(Part):
    """How a provider trains: what it takes of hyperparameters, None for its own choice; and which of its checkpoints,
    one an epoch, goes on: the last, or the one that is best on val, which costs a reading of val each.
    """

    learning_rate_multiplier: Positive | None = None  # of the provider's own learning rate
    batch_size: Count | None = None
    suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,18}$")] = "fliptrace"  # in the name of what is trained
    choose: Literal["last", "best on val"] = "last"


class Stage(SparsePart):
    """One training stage: how much of each kind of instruction, for how long, and from where it goes on.

    A control takes the steps of another stage: as many, on the labels that are open to that one.
    """

    later_keys = frozenset({"steps_of", "parent", "feedback_level", "own_answers", "share", "learning_rate_multiplier"})

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    mixture: dict[Kind, Positive] = Field(min_length=1)
    epochs: Positive | None = None
    steps_of: str | None = None  # instead of epochs: as many optimizer steps as that earlier stage took
    parent: str | None = None  # None: the stage before; "base", or an earlier stage that several grow from
    learning_rate: Positive | None = None
    learning_rate_multiplier: Positive | None = None  # of a hosted base; None: as in `hosted`
    emotions: dict[str, Positive] | None = None  # None: as in `data`; else which of its files, and how often
    out_of_zone: OutOfZone | None = None  # None: as in `data`
    soft_triggers: Share | None = None  # None: as in `curate`
    feedback_level: FeedbackLevel | None = None  # None: as in `curate`
    own_answers: OwnAnswersFrom | None = None  # None: to held-out cases; "in-sample": to as many its parent was taught
    share: Annotated[float, Field(gt=0, le=1)] | None = None  # of the groups it would be taught; None: all of them

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if (self.epochs is None) == (self.steps_of is None):
            raise ValueError("a stage takes either epochs or steps_of")
        return self

    @property
    def needs_own_answers(self) -> bool:
        return not OWN_ANSWER_KINDS.isdisjoint(self.mixture)


class EvaluationPart(SparsePart):
    """One way to read the model on val; its scores go into the run's table under its name."""

    later_keys = frozenset({"constrain"})

    ask: Ask = "answer"
    decode: DecodingKind | None = None  # None: greedy with one sample, self-consistency with more
    samples: Count = 1  # of replies; read exactly with reasons, of rationales
    temperature: Positive = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: Count = 256
    judge: bool = False  # with the self-evaluation turn
    constrain: bool | None = None  # false: what the model says unhindered, illegal answers too
    after: Literal["every stage", "last stage"] | list[str] = "every stage"  # or the stages by name

    @model_validator(mode="after")
    def _decodes_what_it_says(self) -> Self:
        if self.decode == "greedy" and self.samples > 1:
            raise ValueError(f"decode = 'greedy' gives one reply, not {self.samples} samples")
        if self.decode == "exact" and self.judge:
            raise ValueError("decode = 'exact' gives probabilities, no answer to judge: judge = false")
        if self.decode == "exact" and self.ask == "answer" and self.samples > 1:
            raise ValueError("decode = 'exact' samples rationales alone: samples = 1, or ask = 'chain'")
        return self

    def is_due(self, stage: str, *, is_last: bool) -> bool:
        if isinstance(self.after, str):
            return is_last or self.after == "every stage"
        return stage in self.after

    @property
    def kind(self) -> DecodingKind:
        return self.decode or ("greedy" if self.samples == 1 else "sample")


class Recipe(SparsePart):
    """A run. It is trained here, by `tuning`, or by the provider of a hosted base, by `hosted`."""

    later_keys = frozenset({"hosted"})

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")]
    seed: int = 0
    data: Data
    base: Base
    prompt: Prompt = Prompt()
    curate: Curate = Curate()
    tuning: Tuning | None = None
    hosted: Hosted | None = None
    stages: list[Stage] = Field(min_length=1)
    evaluations: dict[str, EvaluationPart] = renamed_from("readings", min_length=1)

    @model_validator(mode="after")
    def _stages_can_be_trained(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stages: two of one name in {', '.join(names)}")
        for position, stage in enumerate(self.stages):
            _check_origin(stage, names[:position])
        _check_evaluations(self.evaluations, names)
        if self.curate.held_out == 0 and any(stage.needs_own_answers for stage in self.stages):
            raise ValueError("curate.held_out: 0 leaves no cases for the own answers that a later stage corrects")
        for stage in self.stages:
            unknown = sorted((stage.emotions or {}).keys() - self.data.emotions.keys())
            if unknown:
                raise ValueError(f"stage {stage.name!r}: emotions of {unknown[0]!r}, which data.emotions does not name")
            if "emotion" in stage.mixture and not self.data.emotions:
                raise ValueError(f"stage {stage.name!r}: kind 'emotion' takes emotion files; data.emotions names none")
        if self.hosted is not None or is_hosted(self.base.model):
            self._check_hosted()
            return self
        tuning = self._tuning_given()
        self._check_soft_targets(tuning)
        if tuning.packing == "prefix-tree" and self.prompt.layout == "window":
            raise ValueError(
                "tuning.packing = 'prefix-tree': windows share nothing; expected prompt.layout = 'dialogue'"
            )
        return self

    def _tuning_given(self) -> Tuning:
        if self.tuning is None:
            raise ValueError("no [tuning]: a base that is trained here takes one")
        for stage in self.stages:
            if stage.learning_rate_multiplier is not None:
                raise ValueError(f"stage {stage.name!r}: learning_rate_multiplier is for hosted bases")
        return self.tuning

    def _check_hosted(self) -> None:
        """A provider trains whole epochs by its own optimizer, on the last reply, and picks no step by our F1."""
        if not is_hosted(self.base.model):
            raise ValueError(f"[hosted]: base.model = {self.base.model!r} is trained here, and takes [tuning] instead")
        if self.hosted is None or self.tuning is not None:
            raise ValueError(f"base.model = {self.base.model!r} is hosted: it takes [hosted] and no [tuning]")
        if self._has_soft_targets:
            raise ValueError("curate: soft targets go with a base that is trained here")
        for name, part in self.evaluations.items():
            if part.kind == "exact":  # one answer drawn, and all weight on it
                raise ValueError(
                    f"evaluation {name!r}: decode = 'exact' of a hosted model needs samples: use `predict`"
                )
        for stage in self.stages:
            if stage.epochs is None or stage.epochs % 1 or stage.learning_rate is not None:
                raise ValueError(
                    f"stage {stage.name!r}: a hosted base is trained for whole `epochs`, no steps_of, and takes "
                    "learning_rate_multiplier, no learning_rate"
                )

    def _check_soft_targets(self, tuning: Tuning) -> None:
        if not self._has_soft_targets:
            return
        if tuning.packing == "prefix-tree":
            raise ValueError("tuning.packing = 'prefix-tree': a token has one label there, with soft targets several")
        unknown = sorted(self.curate.soft_emotions.keys() - self.data.emotions.keys())
        if unknown:
            raise ValueError(f"curate.soft_emotions of {unknown[0]!r}, which data.emotions does not name")
        if self.base.scratch is None or tuning.accumulate > 1:
            # Their attention masks fit the scratch model; sliding windows and the like would need others.
            raise ValueError("curate: soft targets go with base.model = 'scratch' and tuning.accumulate = 1")

    @property
    def _has_soft_targets(self) -> bool:
        of_stages = any(stage.soft_triggers for stage in self.stages)
        return bool(self.curate.soft_triggers or self.curate.soft_emotions or of_stages)

    @property
    def packs(self) -> bool:
        """Whether examples are trained as prefix trees, if the model can be: as `tuning.packing` says, and where it
        says nothing, wherever that gives the same loss and there is something to share.
        """
        tuning = self.local_tuning
        if tuning.packing is not None:
            return tuning.packing == "prefix-tree"
        return self.prompt.layout == "dialogue" and not self._has_soft_targets and not tuning.drops

    @property
    def local_tuning(self) -> Tuning:
        """The tuning of a base that is trained here."""
        assert self.tuning is not None, "a hosted recipe is not trained here"
        return self.tuning

    @property
    def device(self) -> str:
        """Where models of a run that are not its own, such as a teacher, are put."""
        return "auto" if self.tuning is None else self.tuning.device

    @property
    def layout(self) -> Layout:
        return Layout(**self.prompt.model_dump(exclude={"layout"}), name=self.prompt.layout)

    @property
    def digest(self) -> str:
        """The hash of the recipe under the keys of the first version, so that a renamed key changes no hash."""
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
    """ValueError where a stage names a parent, or a stage whose steps to take, that does not come before it."""
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
            raise ValueError(f"evaluation {name!r}: after {unknown[0]!r}, which is no stage of {', '.join(stages)}")


def read_recipe(path: Path) -> Recipe:
    """A recipe from a TOML file. InputError names every key that is wrong, and the known key nearest to an unknown."""
    return parse_recipe(read_toml(path), place=str(path))


def parse_recipe(table: Json, place: str) -> Recipe:
    """A recipe from a parsed table; `place` stands in the errors."""
    return parse_table(Recipe, table, place, "recipe")


def override(recipe: Recipe, *, base: str | None, seed: int | None, device: str | None) -> Recipe:
    """The recipe with what a command line changes; None changes nothing."""
    table = recipe.to_json()
    if base is not None:
        table["base"] = {"model": base}
    if seed is not None:
        table["seed"] = seed
    if device is not None:
        if recipe.tuning is None:
            raise InputError("recipe", f"its base is hosted, so nothing is trained on device {device!r}")
        table["tuning"]["device"] = device
    return parse_recipe(table, "recipe as overridden")


def is_extended(old: Json, new: Json) -> bool:
    """Whether the new recipe is the old one with more stages behind it: what the old one did is still right."""
    stages = new["stages"][: len(old["stages"])]
    return len(new["stages"]) > len(old["stages"]) and not differences(old, new | {"stages": stages})


def differences(old: Json, new: Json, prefix: str = "") -> list[str]:
    """What changed between two recipes, a line a key: `tuning.learning_rate: 0.001 -> 0.002`."""
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = _numbered(old.get(key)), _numbered(new.get(key))
        if isinstance(before, dict) and isinstance(after, dict):
            lines += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            lines.append(f"{prefix}{key}: {before!r} -> {after!r}")
    return lines


def _numbered(value: Any) -> Any:
    """A list of tables as a table by position, so that what changed in one of them can be named."""
    is_tables = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return {str(position): item for position, item in enumerate(value)} if is_tables else value
