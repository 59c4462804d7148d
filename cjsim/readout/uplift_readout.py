"""`uplift`: read a trial, estimate its effects, learn who gains, and choose a policy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cjsim.argument_types import checked_arguments
from cjsim.errors import InputError, format_error, short_repr
from cjsim.progress import NoProgress, Progress, progress_task
from cjsim.readout.assignment_probabilities import LOWEST, estimate_assignment
from cjsim.readout.feature_screening import without_unbalanced_features
from cjsim.readout.learning_plan import LearningPlan, learning_plan
from cjsim.readout.outcome_learning import learn_outcome, outcome_nuisances
from cjsim.readout.outcome_readout import OutcomeReadout, constant_policy_choice, required_sizes
from cjsim.readout.readout_result import Readout
from cjsim.readout.readout_settings import ReadoutSettings
from cjsim.uplift.learners.folds import default_folds
from cjsim.uplift.learners.nuisances import augmented_scores
from cjsim.uplift.row_arrays import Floats
from cjsim.uplift.soundness.all_checks import check_trial
from cjsim.uplift.soundness.covariate_balance import CHECK as BALANCE
from cjsim.uplift.soundness.finding import Finding
from cjsim.uplift.trial_effects import OutcomeEffects, trial_effects
from cjsim.uplift.trials.column_roles import ColumnRoles
from cjsim.uplift.trials.dataset import Trial
from cjsim.uplift.trials.file_reader import read_trial

if TYPE_CHECKING:
    import pandas as pd

ESTIMATE = "estimate"
_PLAIN_SETTINGS = ReadoutSettings()


@checked_arguments
def uplift(
    data: "str | Path | pd.DataFrame",
    *,
    treatment: str,
    outcome: str | Sequence[str],
    control: str | float | bool | None = None,
    features: Sequence[str] | None = None,
    cluster: str | None = None,
    propensity: str | Mapping[str, str] | None = None,
    received: str | None = None,
    shares: Mapping[str, float] | None = None,
    settings: ReadoutSettings = _PLAIN_SETTINGS,
    progress: Progress | None = None,
) -> Readout:
    """Analyze a randomized trial or, with propensities, an observational data set.

    The trial is checked first. If it is sound, the effects between arms are estimated. If it has features and enough rows, heterogeneity is
    tested, learners are cross-fitted and compared, and policies are evaluated on rows that were not used to learn them.

    Parameters
    ----------
    data : str, Path or DataFrame
        CSV (possibly gzipped) or Parquet file, or a table, with one row per unit. A table with the columns `assigned_day` and
        `observed_days` is treated as a table returned by `export_trial`.
    treatment : str
        Column with the assigned arm.
    outcome : str or sequence of str
        Columns with outcomes measured after the assignment.
    control : str, float or bool, optional
        Value of `treatment` in the control arm. Can be omitted if exactly one value looks like a control, such as 0 or 'none'.
    features : sequence of str, optional
        Columns measured before the assignment. By default, all columns without a role, except identifiers, dates and constants and, in a
        trial exported by `export_trial`, its other outcomes and its times.
    cluster : str, optional
        Column that identifies clusters, such as customers with several rows. Standard errors account for them.
    propensity : str or Mapping of str to str, optional
        Column with the probability of the treated arm, or a column per arm, or 'estimate' to estimate it from the features. Omit it for a
        trial in which all rows had the same probabilities.
    received : str, optional
        Column with the arm that each unit actually received.
    shares : Mapping of str to float, optional
        Planned shares of the arms.
    settings : ReadoutSettings
        Value, costs, adjustment, learners, draws and seed.
    progress : Progress, optional
        Receives progress updates, such as ProgressBar().

    Returns
    -------
    Readout

    Raises
    ------
    InputError
        If the data cannot be read, a name is unknown, or the trial is not sound.
    """
    if not isinstance(data, str | Path) and not hasattr(data, "columns"):
        raise InputError(format_error("data", "must be the path of a file, or a DataFrame", short_repr(data), "Pass one of them."))
    is_estimated = propensity == ESTIMATE
    adjust = tuple(settings.adjust)
    roles = ColumnRoles(
        treatment=treatment,
        outcome=outcome,
        control=control,
        features=None if features is None else tuple(dict.fromkeys((*features, *adjust))),
        cluster=cluster,
        propensity=None if is_estimated else propensity,
        received=received,
        shares=shares,
        adjust=adjust,
    )
    source = str(data) if isinstance(data, str | Path) else "data"
    trial = read_trial(data, roles) if isinstance(data, str | Path) else Trial.from_frame(data, roles)
    settings.check_names(tuple(trial.outcomes), trial.arms)
    if empty := [name for name in adjust if name not in trial.features.columns]:
        raise InputError(format_error(f"{source}: adjust", "must name columns with values", f"'{empty[0]}', which is empty", "Omit it."))
    notes = list(trial.notes)
    if is_estimated:
        trial, note = _with_estimated_propensities(trial, source, settings.seed)
        notes.append(note)
    findings = check_trial(trial, seed=settings.seed)
    _raise_for_errors(findings, source)
    if features is None:
        trial, findings, left_out = _screened(trial, findings, settings)
        notes = [*left_out, *(_notes_without_features(notes, trial) if left_out else notes)]
    outcomes = _read_outcomes(trial, settings, progress or NoProgress())
    notes += [one.learned.plan.note for one in outcomes if one.learned is not None and one.learned.plan.note]
    return Readout(
        source=source,
        n=len(trial),
        arms=trial.arms,
        assignment="estimated" if is_estimated else "given" if trial.propensity is not None else "randomized",
        outcomes=tuple(outcomes),
        findings=findings,
        notes=tuple(dict.fromkeys(notes)),
        draws=settings.draws,
        seed=settings.seed,
    )


def _with_estimated_propensities(trial: Trial, source: str, seed: int) -> tuple[Trial, str]:
    smallest = min(trial.arm_sizes)
    if smallest < (least := 2 * default_folds(len(trial))):
        must, remedy = f"must have at least {least} rows in each arm to estimate propensities", "Collect more rows."
        raise InputError(format_error(source, must, str(smallest), remedy))
    found = estimate_assignment(trial, seed=seed)
    note = (
        f"propensities are estimated by logistic regression on the features ({found.folds} folds); those below {LOWEST:g} "
        f"({100 * found.clipped_share:.1f} % of rows) are raised to it. Effects are causal only if the features include every common cause "
        "of treatment and outcome, which no test can show"
    )
    return found.trial, note


def _raise_for_errors(findings: Sequence[Finding], source: str) -> None:
    """Raise if a check found an error."""
    errors = [finding.message for finding in findings if finding.severity == "error"]
    if errors:
        got = f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}: {'; '.join(message.rstrip('.') for message in errors)}"
        raise InputError(format_error(source, "must be a sound trial", got))


def _screened(trial: Trial, findings: tuple[Finding, ...], settings: ReadoutSettings) -> tuple[Trial, tuple[Finding, ...], tuple[str, ...]]:
    """Leave out features that differ between the arms, check again, and warn."""
    if all(finding.check != BALANCE or finding.severity == "ok" for finding in findings):
        return trial, findings, ()
    screened, removed = without_unbalanced_features(trial, seed=settings.seed)
    if not removed or set(removed) & set(settings.adjust):
        return trial, findings, ()
    message = (
        f"columns that differ between the arms are not used as features: {', '.join(removed)}. They look like outcomes of the treatment, "
        "or assignment was not random. Name the columns measured before assignment with `features`."
    )
    warning = Finding(check=BALANCE, severity="warning", message=message, column=removed[0])
    others = tuple(finding for finding in check_trial(screened, seed=settings.seed) if finding.check != BALANCE)
    return screened, (warning, *others), (f"not used as features: {', '.join(removed)}",)


def _notes_without_features(notes: Sequence[str], trial: Trial) -> list[str]:
    """Return the notes, with the list of features limited to those that are used."""
    names = ", ".join(str(name) for name in trial.features.columns)
    checked = "check that all of them were measured before assignment"
    return [f"features: {names} ({checked})" if note.startswith("features: ") else note for note in notes]


def _read_outcomes(trial: Trial, settings: ReadoutSettings, progress: Progress) -> list[OutcomeReadout]:
    complete = {name: trial.complete(name) for name in trial.outcomes}
    plans = {name: learning_plan(rows, settings) for name, rows in complete.items()}
    steps = sum(_steps(plan, len(trial.arms)) for plan in plans.values())
    found = []
    with _steps_reported(progress, steps) as advance:
        for effects in _effects(trial, settings):
            rows, plan = complete[effects.outcome], plans[effects.outcome]
            found.append(_read_outcome(rows, effects, plan, settings, advance))
    return found


@contextmanager
def _steps_reported(progress: Progress, steps: int) -> Iterator[Callable[[str], None]]:
    """Provide a function that reports a step."""

    def _advance(label: str) -> None:
        progress.advance(1)
        progress.label(label)

    with progress_task(progress, steps, "doubly robust scores"):
        yield _advance


def _steps(plan: LearningPlan | str, n_arms: int) -> int:
    return 0 if isinstance(plan, str) else 1 + len(plan.learners) * n_arms + n_arms - 1


def _effects(trial: Trial, settings: ReadoutSettings) -> tuple[OutcomeEffects, ...]:
    """Estimate effects, with doubly robust estimators if rows differ in their propensities."""
    if trial.propensity is None:
        adjustment = settings.adjustment if settings.adjust else "none"
        return trial_effects(trial, adjustment=adjustment, covariates=tuple(settings.adjust))
    if settings.adjust:
        remedy = "Omit it: with propensities, effects are doubly robust and adjust for the features."
        raise InputError(format_error("adjust", "must be omitted with propensities", ", ".join(settings.adjust), remedy))
    if not len(trial.features.columns):
        return trial_effects(trial)
    scores: dict[str, Floats] = {}
    for name in trial.outcomes:
        rows = trial.complete(name)
        nuisances = outcome_nuisances(rows, name, default_folds(len(rows)), settings.seed)
        scores[name] = augmented_scores(rows.outcomes[name].values, rows.treatment, nuisances)
    return trial_effects(trial, scores=scores)


def _read_outcome(
    trial: Trial, effects: OutcomeEffects, plan: LearningPlan | str, settings: ReadoutSettings, advance: Callable[[str], None]
) -> OutcomeReadout:
    learned = None if isinstance(plan, str) else learn_outcome(trial, effects.outcome, plan, settings, advance=advance)
    best, gain, policies = constant_policy_choice(effects, settings)
    return OutcomeReadout(
        effects=effects,
        learned=learned,
        reason=plan if isinstance(plan, str) else "",
        constant_policies=policies,
        best=best if learned is None or learned.proposed is None else learned.proposed,
        gain=gain,
        value=settings.value_of(effects.outcome),
        max_share=settings.max_share,
        costs=settings.costs_of(trial.arms),
        is_money=settings.has_value(effects.outcome),
        sizes=required_sizes(trial, effects, settings.detect),
    )
