"""The attribution rules by name, and the settings that determine how touches are credited."""

from dataclasses import dataclass

from cjsim.argument_types import check_fields
from cjsim.attribution.credit_rules import FirstTouch, LastTouch, Linear, Rule, TimeDecay
from cjsim.attribution.log_paths import TouchKind
from cjsim.attribution.markov import Markov
from cjsim.attribution.shapley import Shapley, ShapleyRate
from cjsim.errors import InputError, format_error

RULES: tuple[Rule, ...] = (FirstTouch(), LastTouch(), Linear(), TimeDecay(), Markov(), Shapley(), ShapleyRate())


@dataclass(frozen=True)
class CreditSettings:
    """How touches are credited with purchases.

    Attributes
    ----------
    touch : {'opened', 'delivered', 'clicked'}
        What counts as a touch.
    window_days : float
        Look-back window before each purchase, in days, above 0; may be infinite.
    rules : tuple of Rule
        Attribution rules, each with its own name.
    """

    touch: TouchKind = "opened"
    window_days: float = 7.0
    rules: tuple[Rule, ...] = RULES

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.window_days > 0:
            raise InputError(format_error("window_days", "must be above 0", f"{self.window_days:g}", "Use a value such as 7."))
        names = [rule.name for rule in self.rules]
        if not names or len({*names}) < len(names):
            raise InputError(format_error("rules", "must be one or more rules with different names", f"{names}", "List each rule once."))
