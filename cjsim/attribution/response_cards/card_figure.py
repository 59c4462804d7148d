"""Figure of response cards: what each message causes and what last touch credits it with, purchases only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cjsim.attribution.response_cards.card_data import PER, CardData, Response
from cjsim.attribution.response_cards.touch_log import PURCHASES
from cjsim.simulation.figures import FigureKind, mark_baseline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OFFSET = 0.14  # of the two marks of a message from its row


def _shown(cards: CardData) -> list[tuple[str, Response]]:
    """Return the responses to draw, the largest incremental effect first: purchases, or without any all outcomes."""
    responses = [(card.message, one) for card in cards.cards for one in card.responses]
    purchases = [(name, one) for name, one in responses if one.outcome == PURCHASES]
    shown = purchases or [(f"{name}: {one.outcome}", one) for name, one in responses]
    return sorted(shown, key=lambda named: -named[1].incremental.value)


def _draw(figure: "Figure", cards: CardData, shown: Sequence[tuple[str, Response]]) -> None:
    import seaborn as sns

    axes, colors = figure.subplots(), sns.color_palette("colorblind", 2)
    labels = ("incremental", "last touch")
    for y, (_, one) in enumerate(shown):
        for interval, color, label, shift in zip((one.incremental, one.last_touch), colors, labels, (-_OFFSET, _OFFSET), strict=True):
            axes.hlines(y + shift, interval.low, interval.high, color=color, linewidth=1.4)
            marker = "o" if label == labels[0] else "s"
            axes.plot(interval.value, y + shift, marker, color=color, markersize=4.5, label=label if y == 0 else None)
    mark_baseline(axes, is_vertical=True)
    what = "purchases" if any(one.outcome == PURCHASES for _, one in shown) else "events"
    axes.set_xlabel(f"{what} per {PER:,} deliveries")
    axes.set_yticks(range(len(shown)), [name for name, _ in shown], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    if shown:
        axes.legend(loc="lower right", fontsize=8)


RESPONSE_FIGURE = FigureKind[CardData](
    name="responses",
    data=_shown,
    size=lambda cards, shown: (8.0, 1.8 + 0.32 * max(len(shown), 1)),
    draw=_draw,
    title=lambda cards: f"{cards.scenario}: what messages cause, and what last touch credits them with",
    caption=lambda cards: (
        f"incremental: with the message, minus without it for the same customers, within {cards.days:g} days. last touch: within "
        f"{cards.window_days:g} days after it was {cards.touch}. {cards.customers:,} customers, seed {cards.seed}; lines: 95 % intervals."
    ),
)
