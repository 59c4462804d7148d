"""`DesignGrid`: all designs of the tests of one alternative, rehearsed on the same outcomes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from cjsim.rehearsal.analyses import FixedHorizon
from cjsim.rehearsal.customer_resampling import ArmPopulations
from cjsim.rehearsal.design_choice import smallest_adequate_design
from cjsim.rehearsal.effect_estimates import outcome_deviations
from cjsim.rehearsal.multiple_metrics import rehearse_metrics
from cjsim.rehearsal.operating_characteristics import rehearse_design
from cjsim.rehearsal.profit_maximizing_size import ProfitModel, SizedTest
from cjsim.rehearsal.ramp.designs_by_phase import RampedTest, rehearse_ramped_design
from cjsim.rehearsal.rehearsal_settings import RehearsalSettings, Rollout
from cjsim.rehearsal.results.design_report import DesignReport
from cjsim.rehearsal.results.rehearsal_data import AlternativeReport, Dilution, GuardrailDesign
from cjsim.rehearsal.scenario_outcomes import TestedOutcomes

OutcomesByKey = Mapping[tuple[str, float], TestedOutcomes]  # by metric and days


@dataclass(frozen=True)
class DesignGrid:
    """Designs of a test: each number of days with each size.

    Attributes
    ----------
    metric : str
        Name of the metric.
    sizes : sequence of int
        Numbers of customers who enroll in both arms together.
    days : sequence of float
        Numbers of days for which each customer is observed.
    share : float
        Share of customers under the alternative, in (0, 1), if there is no ramp.
    settings : RehearsalSettings
        Number of rehearsals, seed, analyses, target power, ramp, rollout and guardrails.
    """

    metric: str
    sizes: Sequence[int]
    days: Sequence[float]
    share: float
    settings: RehearsalSettings

    def rehearse(self, outcomes: OutcomesByKey) -> AlternativeReport:
        """Rehearse all designs, and recommend one.

        Parameters
        ----------
        outcomes : Mapping of tuple to TestedOutcomes
            Outcomes by metric and days, including inf, because decisions are judged by the effect until the horizon.

        Returns
        -------
        AlternativeReport

        Raises
        ------
        InputError
            If an argument is out of range, or an analysis needs a covariate and there is none.
        """
        truth = outcomes[self.metric, math.inf].truth
        by_days = {days: outcomes[self.metric, days] for days in self.days}
        cells = [(size, days) for days in self.days for size in self.sizes]
        rehearsed = [self._rehearse_design(by_days[days], size, days, outcomes[self.metric, math.inf]) for size, days in cells]
        designs = [design for reports, _ in rehearsed for design in reports]
        longest = by_days[max(self.days)]
        return AlternativeReport(
            truth,
            tuple(designs),
            smallest_adequate_design(designs, power=self.settings.target_power),
            self._most_profitable(longest.populations, truth.effect),
            tuple(self._rehearse_guardrails(outcomes, size, days) for size, days in cells) if self.settings.guardrails else (),
            MappingProxyType({days: tested.truth for days, tested in by_days.items()}),
            MappingProxyType({days: tested.interference for days, tested in by_days.items() if tested.interference is not None}),
            longest.enrollment,
            tuple(dilution for size, days in cells for dilution in self._rehearse_without_trigger(by_days[days], size, days)),
            tuple(test for _, test in rehearsed if test is not None),
            tuple(days for days, tested in by_days.items() if tested.populations.has_constant_base),
        )

    def _rehearse_design(
        self, tested: TestedOutcomes, size: int, days: float, long_run: TestedOutcomes
    ) -> tuple[tuple[DesignReport, ...], RampedTest | None]:
        """Rehearse one design with each analysis, and with its ramp."""
        settings, long_run_effect = self.settings, long_run.truth.effect
        if settings.ramp is not None:
            return rehearse_ramped_design(tested.populations, size=size, settings=settings, days=days, long_run_effect=long_run_effect)
        reports = rehearse_design(
            tested.populations,
            size=size,
            share=self.share,
            settings=settings,
            days=days,
            long_run_effect=long_run_effect,
            true_effect_of_test=None if tested.interference is None else tested.truth.effect,
            deviations=(tested.deviations, long_run.deviations),
        )
        return reports, None

    def _rehearse_guardrails(self, outcomes: OutcomesByKey, size: int, days: float) -> GuardrailDesign:
        guarded = {
            rail.with_margin((one := outcomes[rail.metric, days]).truth.baseline): one.populations for rail in self.settings.guardrails
        }
        tested = {self.metric: outcomes[self.metric, days].populations}
        report = rehearse_metrics(
            tested,
            size=size,
            guardrails=guarded,
            correction="none",
            lower_is_better=frozenset() if (self.settings.rollout or Rollout()).higher_is_better else {self.metric},
            share=self.share,
            settings=self.settings,
        )
        return GuardrailDesign(size, days, report)

    def _rehearse_without_trigger(self, tested: TestedOutcomes, size: int, days: float) -> list[Dilution]:
        """Rehearse a design at a fixed horizon, and the same test without its trigger, in which all customers enroll."""
        enrollment = tested.enrollment
        if enrollment is None or enrollment.everyone is None or self.settings.ramp is not None:
            return []
        settings = replace(self.settings, analyses=(FixedHorizon(),))
        customers = math.ceil(size * enrollment.everyone.base.shape[1] / tested.populations.base.shape[1])
        (triggered,) = rehearse_design(tested.populations, size=size, share=self.share, settings=settings, days=days)
        (everyone,) = rehearse_design(enrollment.everyone, size=customers, share=self.share, settings=settings, days=days)
        return [Dilution(triggered, everyone)]

    def _most_profitable(self, populations: ArmPopulations, effect: float) -> SizedTest | None:
        """Return the size that maximizes profit, or None if the value or the spread of effects is unknown, or there is a ramp."""
        if self.settings.ramp is not None:
            return None
        rollout = self.settings.rollout or Rollout()
        effect_sd = abs(effect) if rollout.effect_sd is None else rollout.effect_sd
        deviations = outcome_deviations(populations)
        if not (rollout.value_per_unit > 0 and effect_sd > 0 and min(deviations) > 0 and rollout.customers >= 4):
            return None
        base_sd, alternative_sd = (rollout.value_per_unit * deviation for deviation in deviations)
        return ProfitModel(rollout.customers, base_sd, alternative_sd, rollout.value_per_unit * effect_sd).best_size(self.share)
