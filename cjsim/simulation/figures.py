"""Figures of results. Each kind has one descriptor, and all are drawn and saved in the same way."""

import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cjsim.escaping.terminal_text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = TypeVar("Result")
_DPI = 100
_LITERAL_TEXT: dict[Any, Any] = {"text.parse_math": False, "text.usetex": False}
_CAPTION_SIZE, _CAPTION_CHARACTERS_PER_INCH = 7, 18  # a character of this size is at most 1 / 18 inch wide, on average


@dataclass(frozen=True)
class FigureKind(Generic[Result]):
    """One kind of figure.

    Attributes
    ----------
    name : str
        File name without suffix.
    data : callable
        Computes the figure data from a result.
    size : callable
        Computes width and height in inches from a result and its data.
    draw : callable
        Draws a result and its data on a figure.
    title, caption : callable
        Return the title, and the caption with the number of customers, the seed and the confidence level of intervals.
    """

    name: str
    data: Callable[[Result], Any]
    size: Callable[[Result, Any], tuple[float, float]]
    draw: Callable[["Figure", Result, Any], None]
    title: Callable[[Result], str]
    caption: Callable[[Result], str]

    def figure(self, result: Result) -> "Figure":
        """Draw the figure of a result. Dollar signs in titles and names are not interpreted as formulas.

        Parameters
        ----------
        result : Result
            Result to draw.
        """
        import seaborn as sns
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        data = self.data(result)
        with sns.axes_style("whitegrid"), rc_context(_LITERAL_TEXT):
            figure = Figure(figsize=self.size(result, data), dpi=_DPI, layout="constrained")
            self.draw(figure, result, data)
            figure.suptitle(self.title(result), x=0.01, ha="left", fontsize="medium")
            width = int(_CAPTION_CHARACTERS_PER_INCH * figure.get_figwidth())
            caption = [textwrap.fill(line, width) for line in self.caption(result).splitlines()]
            figure.supxlabel("\n".join(caption), x=0.01, ha="left", fontsize=_CAPTION_SIZE)
            _escape_control_characters(figure)
        return figure

    def save(self, result: Result, folder: Path) -> None:
        """Save the figure of a result as NAME.png. Equal results give identical files.

        Parameters
        ----------
        result : Result
            Result to draw.
        folder : Path
            Existing folder.
        """
        from matplotlib import rc_context

        figure = self.figure(result)
        with rc_context(_LITERAL_TEXT), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a rare script or an emoji; drawn as a box
            # Omit the library version, which would make files differ between versions.
            figure.savefig(folder / f"{self.name}.png", metadata={"Software": None})


def _escape_control_characters(figure: "Figure") -> None:
    """Escape control characters in all text of a figure, as in a terminal."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        if (safe := printable(text.get_text())) != text.get_text():
            text.set_text(safe)


def effect_axis(unit: str) -> tuple[float, str]:
    """Return the scale factor and the unit of effects on an axis.

    Examples
    --------
    >>> effect_axis("share"), effect_axis("relative"), effect_axis("money")
    ((100.0, 'percentage points'), (100.0, '% of the baseline'), (1.0, 'money'))
    """
    labels = {"share": "percentage points", "relative": "% of the baseline"}
    return (100.0, labels[unit]) if unit in labels else (1.0, unit)


def mark_baseline(axes: "Axes", *, is_vertical: bool = False) -> None:
    """Draw a line at zero effect."""
    (axes.axvline if is_vertical else axes.axhline)(0.0, color="0.4", linewidth=0.8)
