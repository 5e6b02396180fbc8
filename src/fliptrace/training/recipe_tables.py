"""The tables of a training recipe. How they must fit together is checked in recipe.py."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from fliptrace.curate.curator import OWN_ANSWER_KINDS, Kind
from fliptrace.models.base import DecodingKind
from fliptrace.prompts.answers import Ask
from fliptrace.prompts.feedback import FeedbackLevel
from fliptrace.prompts.views import LayoutName
from fliptrace.training.typed_toml import Count, Part, Positive, Share, SparsePart

OutOfZone = Literal["keep", "leave out"]
OwnAnswersFrom = Literal["held-out", "in-sample"]
BASE = "base"  # the `parent` of a stage that starts from the base


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
