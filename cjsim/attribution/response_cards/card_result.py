"""The result of `responses`: response cards as a table, a figure and files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.attribution.claims import Interval
from cjsim.attribution.response_cards.card_data import MIN_REACHED, PER, CardData, Response, ResponseCard
from cjsim.attribution.response_cards.card_figure import RESPONSE_FIGURE
from cjsim.attribution.response_cards.touch_log import PURCHASES
from cjsim.json_records import write_json
from cjsim.metrics.number_format import estimate_decimals, format_interval, format_value
from cjsim.metrics.text_table import align_columns, wrap_lines
from cjsim.output_folder import FolderResult
from cjsim.table_files import write_csv

if TYPE_CHECKING:
    import pandas as pd

RESPONSES_FILE = "responses.json"
_COUNT = "events"  # unit of responses
_UNDEFINED = Interval(math.nan, math.nan, math.nan)
_NO_CARD = ResponseCard("", "", "", 0, _UNDEFINED, _UNDEFINED, (), {})


@dataclass(frozen=True, repr=False)
class ResponseCards(CardData, FolderResult):
    """Response cards of all messages that a policy sends.

    `save` writes `responses.csv`, `responses.png` and `responses.json`. The attributes are those of `CardData`.
    """

    _marker = RESPONSES_FILE

    def _facts(self) -> str:
        return f"{self.scenario}: {len(self.cards)} messages, {self.customers:,} customers, seed {self.seed}"

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return the cards as a text table."""
        header = ("message", "deliveries", "outcome", "incremental", "95 % interval", "", "last touch", "95 % interval", "effects are")
        rows = [row for card in self.cards for row in _rows(card)]
        return "\n\n".join([wrap_lines(self._answer()), align_columns(header, rows, optional=(header[7],)), wrap_lines(self._caption())])

    def _answer(self) -> str:
        purchases = [one for card in self.cards for one in card.responses if one.outcome == PURCHASES]
        if not self.cards:
            return f"In {self.scenario}, nobody receives a message."
        if not purchases:
            n = len(self.cards)
            return f"{self.scenario}: responses to {n} message{'' if n == 1 else 's'}, per {PER:,} deliveries. Customers make no purchases."
        causing = sum(one.holds and one.incremental.value > 0 for one in purchases)
        preventing = sum(one.holds and one.incremental.value < 0 for one in purchases)
        credited = sum(one.last_touch.low > max(one.incremental.high, 0) for one in purchases)
        text = f"In {self.scenario}, {causing} of {len(purchases)} messages clearly {'causes' if causing == 1 else 'cause'} purchases"
        text += f", and {preventing} clearly prevent{'s' if preventing == 1 else ''} them" if preventing else ""
        caused = "it causes" if credited == 1 else "they cause"
        text += f". Last touch credits {credited} of the {len(purchases)} with clearly more purchases than {caused}" if credited else ""
        return f"{text}."

    def _caption(self) -> str:
        shares = (
            " Customers share desks or budgets; intervals treat them as independent and may be too narrow."
            if self.has_shared_resources
            else ""
        )
        window = f"{self.window_days:g} days"
        lines = [
            f"Per {PER:,} deliveries. incremental: with the message, minus without it for the same customers, within {self.days:g} days.",
            f"last touch: within {window} after the message was {self.touch}, if the customer was touched by no other message in between. "
            "Reports of email services count in this way, so only these numbers can be compared with published rates.",
            f"{self.customers:,} customers, seed {self.seed}, paired on the same customers.{shares}",
            f"* the 95 % interval excludes 0. ** significant after Holm's correction for {self.n_effects} effects.",
            "effects are: kinds of sources of the message's lifts and effects; 'unstated' where the journey has no `sources` for them.",
        ]
        if any(math.isnan(one.incremental.low) for card in self.cards for one in card.responses):
            lines.append(f"Messages that fewer than {MIN_REACHED} customers received have no intervals.")
        if self.undelivered:
            lines.append(f"Nobody received: {', '.join(self.undelivered)}.")
        return "\n".join([*lines, *self.notes])

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame with one row per message and outcome. Rates are shares; responses are per 1,000 deliveries."""
        import pandas as pd

        rows = [row for card in self.cards for row in card.rows()]
        frame = pd.DataFrame(rows, columns=None if rows else list(_NO_CARD.rows()[0]))
        return frame.assign(unit=f"per {PER:,} deliveries")

    def _write_files(self, folder: Path) -> None:
        write_csv(self.to_pandas(), folder / "responses.csv")
        RESPONSE_FIGURE.save(self, folder)
        write_json(folder / RESPONSES_FILE, self.to_json())


def _rows(card: ResponseCard) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    if not card.responses:
        return [(card.message, f"{card.deliveries:,}", "none", "", "", "", "", "", card.source_text)]
    for index, one in enumerate(card.responses):
        message, deliveries, source = ("", "", "") if index else (card.message, f"{card.deliveries:,}", card.source_text)
        rows.append(
            (message, deliveries, one.outcome, *_cells(one.incremental, is_difference=True), _mark(one), *_cells(one.last_touch), source)
        )
    return rows


def _cells(one: Interval, *, is_difference: bool = False) -> tuple[str, str]:
    """Format a response and its interval."""
    if one.value == one.low == one.high == 0:
        return "0", ""
    decimals = estimate_decimals(_COUNT, one) if math.isfinite(one.low) else 0
    interval = format_interval(one.low, one.high, _COUNT, decimals, is_difference=is_difference, is_beside_value=True)
    return format_value(one.value, _COUNT, decimals, is_difference=is_difference), interval


def _mark(one: Response) -> str:
    return "**" if one.holds else "*" if one.incremental.excludes_zero else ""
