"""The options on how a model is prompted and decoded, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fliptrace.cli.option_groups import OptionGroup

if TYPE_CHECKING:
    from fliptrace.inference.config import InferenceConfig
    from fliptrace.models.open_model import OpenModel


@dataclass(frozen=True, slots=True)
class InferenceOptions(OptionGroup):
    """What --decode, --samples, --ask and the like say; None leaves the choice to the model's defaults."""

    decode: Annotated[
        Literal["greedy", "sample", "exact"] | None,
        typer.Option(
            help="One greedy answer, self-consistency over samples, or the probability of every answer. Default: "
            "greedy; exact for a model that writes no replies.",
            show_default=False,
        ),
    ] = None
    samples: Annotated[
        int,
        typer.Option(min=1, help="Answers per case with --decode sample; rationales with exact and --ask chain."),
    ] = 8
    stop_early: Annotated[
        bool,
        typer.Option(
            "--stop-early",
            help="With --decode sample: stop sampling a case as soon as no further answer can change its triggers. "
            "Support is then based on fewer answers.",
        ),
    ] = False
    constrain: Annotated[
        bool, typer.Option(help="Allow answer lines to name only utterances that exist, up to the target.")
    ] = True
    temperature: Annotated[float, typer.Option(help="Sampling temperature.")] = 0.7
    top_p: Annotated[float, typer.Option(help="Sample from the likeliest tokens with this total probability.")] = 1.0
    threshold: Annotated[
        float | None,
        typer.Option(help="Support that names a trigger. Default: what training chose on val, otherwise 0.5."),
    ] = None
    ask: Annotated[
        Literal["answer", "chain"] | None,
        typer.Option(help="The answer line alone, or reasons first. Default: as the model was trained, else answer."),
    ] = None
    layout: Annotated[
        Literal["dialogue", "shared", "window"] | None,
        typer.Option(help="How prompts show cases. Default: as the model was trained, else dialogue."),
    ] = None
    judge: Annotated[bool, typer.Option("--judge", help="Let the model judge and improve its answers.")] = False
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum length of a reply.")] = 256
    seed: Annotated[int, typer.Option(help="Seed of the samples, whatever the batching.")] = 0

    def config(self, opened: OpenModel) -> InferenceConfig:
        """The configuration for this model; InputError says which option is wrong."""
        from fliptrace.inference.config import resolve_config
        from fliptrace.inference.seams import default_decoding
        from fliptrace.models.base import make_decoding

        decoding = make_decoding(
            kind=self.decode or default_decoding(opened.model),
            num_samples=self.samples,
            temperature=self.temperature,
            top_p=self.top_p,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
            constrain=self.constrain,
        )
        return resolve_config(
            opened.defaults,
            decoding,
            ask=self.ask,
            layout=self.layout,
            judge=self.judge,
            threshold=self.threshold,
            stop_early=self.stop_early,
            samples_exactly=opened.model.sampler is not None,
        )
