"""Charts of a study that show whether support can be trusted: reliability, and F1 of the most confident cases."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fliptrace.report.study.charts import DASHES, F1, WIDTH, label_right, plain_axes
from fliptrace.report.study.svg import MODEL, OTHER, RULE, SOFT, to_svg
from fliptrace.report.wording import decimals
from fliptrace.scoring.calibration import Calibration
from fliptrace.scoring.risk_coverage import RiskCoverage
from fliptrace.scoring.seeds import SeedScores


def reliability_chart(found: Calibration, label: str) -> str:
    """Above: the share of triggers by support, with the diagonal. Below: the number of utterances by support."""
    support = [part.mean_support for part in found.bins]

    def draw(canvas: Figure) -> None:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        above.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=DASHES)
        above.plot(support, [part.share_triggers for part in found.bins], "o-", color=MODEL, linewidth=2, markersize=6)
        above.set_title(f"ECE {decimals(found.ece)}, Brier {decimals(found.brier)}")
        above.set_ylabel("share of triggers")
        above.set_ylim(-0.03, 1.03)
        for part in found.bins:
            below.bar(part.low, part.num, part.high - part.low, align="edge", color=MODEL, alpha=0.5, linewidth=0)
        below.set_xlabel("support")
        below.set_ylabel("utterances")
        below.set_xlim(0, 1)
        plain_axes(above)
        plain_axes(below)
        below.grid(False)
        below.yaxis.set_major_locator(MaxNLocator(2, integer=True, prune="lower"))
        canvas.align_ylabels()

    return to_svg(draw, 340, 340, f"reliability of support: {label}")


def risk_coverage_chart(found: Mapping[str, RiskCoverage], rule: SeedScores | None, label: str) -> str:
    """F1 of the most confident cases by their share, one line per evaluation. A rule has no confidence: F1 of all."""
    colours = (MODEL, OTHER, SOFT)
    styles = ("-", (0, (6, 2)), (0, (1, 1)))

    def draw(canvas: Figure) -> None:
        axes = canvas.add_subplot()
        labels = []
        for number, (evaluation, one) in enumerate(found.items()):
            colour, style = colours[number % 3], styles[number // 3 % 3]
            axes.plot(one.coverage, one.f1, color=colour, linewidth=2, linestyle=style)
            labels.append((one.f1[-1], evaluation, colour))
        if rule:
            axes.axhline(rule.mean, color=RULE, linewidth=1.5, linestyle=DASHES)
            labels.append((rule.mean, "best rule, all flips", RULE))
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("share of flips answered, most confident first")
        axes.set_ylabel(F1)
        plain_axes(axes)
        label_right(axes, labels)

    return to_svg(draw, WIDTH, 290, f"{F1} by share of flips answered: {label}")
