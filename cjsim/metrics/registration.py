"""Registration of user-defined metrics, which then appear wherever shipped metrics do.

Files refer to metrics by name, much as scikit-learn users refer to scorers. A registry resolves these names in studies and experiments,
whose files cannot contain functions.
"""

import pickle
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cjsim.compiler.plan import Codebook
from cjsim.engine.run_record import RunRecord
from cjsim.errors import InputError, format_error, short_repr, unknown_name_parts
from cjsim.kernels.world import Array
from cjsim.metrics.ratios import SHARE_UNIT, MetricDefinition, RatioTerms
from cjsim.metrics.shipped_metrics import PLACEHOLDER_NAMES, is_shipped_name

MetricFactory = Callable[[Codebook], Iterable[MetricDefinition]]
MetricSource = MetricDefinition | MetricFactory

_NAME_PATTERN = re.compile(r"[A-Za-z_]\w*(\[[^\[\]]+\])?")
_SHARE_TOLERANCE = 1e-9  # allows for rounding in numerators that are sums of days or money
_MAX_ERROR_CHARS = 120
_FACTORY_REMEDY = (
    "Return a list of MetricDefinitions. A function of a run is one metric: register MetricDefinition(name, unit, title, function)."
)
_REGISTERED: dict[str, MetricSource] = {}  # keyed by name of the metric or factory, in order of registration


def register_metric(source: MetricSource) -> None:
    """Register a metric or a metric factory in the current process.

    A registered metric appears wherever shipped metrics do: in tables, JSON and comparisons, and by name in levers, studies and
    experiments. Worker processes of a study can use the metric only if its functions are defined with `def` at the top level of a module.

    Parameters
    ----------
    source : MetricDefinition or callable
        A metric, or a factory: a function that takes the codebook (names of stages, channels, events and so on) and returns the metrics
        of a scenario. Use a factory for metrics per channel or stage.

    Raises
    ------
    InputError
        If a shipped metric has the name, another definition is registered under it, or the definition is incomplete. Registering an
        equal definition again changes nothing.

    Examples
    --------
    >>> from cjsim import MetricDefinition, ratio_of_sums
    >>> def opens_per_contact(run):
    ...     return ratio_of_sums(run, run.outcomes.customers["opens"], run.outcomes.customers["contacts"])
    >>> register_metric(MetricDefinition("opens_per_contact", "ratio", "opens per contact", opens_per_contact, denominator="contacts"))
    >>> unregister_metric("opens_per_contact")
    """
    if isinstance(source, MetricDefinition):
        _check_registrable(source)
    elif not callable(source):
        remedy = "Create one with MetricDefinition(name, unit, title, terms)."
        got = type(source).__name__
        raise InputError(format_error("register_metric", "must be given a MetricDefinition or a function of the codebook", got, remedy))
    else:
        definitions_of(source, PLACEHOLDER_NAMES)
    name = _source_name(source)
    if name in _REGISTERED and _REGISTERED[name] != source:
        raise _name_taken(name, "a name that is already registered", f"Call unregister_metric('{name}') first, or rename the metric.")
    _REGISTERED[name] = source


def unregister_metric(name: str) -> None:
    """Remove a registered metric or metric factory.

    Parameters
    ----------
    name : str
        Name of the metric; for a factory, name of the function.

    Raises
    ------
    InputError
        If no metric or factory is registered under this name.
    """
    if name not in _REGISTERED:
        raise InputError(format_error("unregister_metric", *unknown_name_parts(name, _REGISTERED, "registered metric")))
    del _REGISTERED[name]


@contextmanager
def temporary_metric(source: MetricSource) -> Iterator[None]:
    """Register a metric for the duration of a `with` block.

    Parameters
    ----------
    source : MetricDefinition or callable
        See `register_metric`.

    Raises
    ------
    InputError
        See `register_metric`.
    """
    before = dict(_REGISTERED)
    register_metric(source)
    try:
        yield
    finally:
        _REGISTERED.clear()
        _REGISTERED.update(before)


def registered_metrics() -> tuple[MetricSource, ...]:
    """Return all registered metrics and factories, in order of registration."""
    return tuple(_REGISTERED.values())


def registered_metric_definitions(codebook: Codebook) -> list[MetricDefinition]:
    """Return the definitions of all registered metrics for a codebook. Their terms are checked on each computation.

    Parameters
    ----------
    codebook : Codebook
        Passed to the factories.

    Returns
    -------
    list of MetricDefinition

    Raises
    ------
    InputError
        If two metrics have the same name, or a factory returns anything other than complete definitions.
    """
    found: dict[str, MetricDefinition] = {}
    for definition in (definition for source in registered_metrics() for definition in definitions_of(source, codebook)):
        if definition.name in found:
            raise _name_taken(definition.name, "a name that two registrations return", "Rename one of the metrics.")
        found[definition.name] = replace(definition, terms=CheckedTerms(definition))
    return list(found.values())


def definitions_of(source: MetricSource, codebook: Codebook) -> list[MetricDefinition]:
    """Return the definitions of a metric or factory, after checking that each is complete.

    Parameters
    ----------
    source : MetricDefinition or callable
        A metric or factory.
    codebook : Codebook
        Passed to the factory.

    Returns
    -------
    list of MetricDefinition

    Raises
    ------
    InputError
        If a factory fails or returns anything else, or a definition is incomplete or has the name of a shipped metric.
    """
    if isinstance(source, MetricDefinition):
        return [source]
    try:
        found = source(codebook)
        definitions = list(found) if isinstance(found, Iterable) else [found]
    except Exception as error:
        raise _user_error(f"metric factory '{_source_name(source)}'", "must return metrics", error) from error
    for definition in definitions:
        if not isinstance(definition, MetricDefinition):
            where, got = f"metrics of '{_source_name(source)}'", type(definition).__name__
            raise InputError(format_error(where, "must be MetricDefinitions", got, _FACTORY_REMEDY))
        _check_registrable(definition)
    return definitions


def pickle_registered_metrics() -> bytes:
    """Return all registered metrics in a form that a worker process can pass to `unpickle_registered_metrics`.

    Raises
    ------
    InputError
        If another process cannot import a metric, because its functions are lambdas, are nested, or were defined in an interactive session.
    """
    for name, source in _REGISTERED.items():
        must, remedy = "must be defined in a module to run on several workers", "Define its functions in a module, or use one worker."
        try:
            content = pickle.dumps(source)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise InputError(format_error(f"metric '{name}'", must, short_repr(str(error)), remedy)) from error
        if b"__main__" in content and not hasattr(sys.modules["__main__"], "__file__"):
            raise InputError(format_error(f"metric '{name}'", must, "functions from an interactive session", remedy))
    return pickle.dumps(_REGISTERED)


def unpickle_registered_metrics(content: bytes) -> None:
    """Register the parent's metrics in a worker process. They replace all metrics registered by importing the parent's script.

    Parameters
    ----------
    content : bytes
        Return value of `pickle_registered_metrics`.
    """
    metrics = pickle.loads(content)
    _REGISTERED.clear()
    _REGISTERED.update(metrics)


@dataclass(frozen=True)
class CheckedTerms:
    """Wraps the terms function of a user-defined metric to check the terms that it returns.

    Attributes
    ----------
    definition : MetricDefinition
        Definition of the metric.
    """

    definition: MetricDefinition

    def __call__(self, run: RunRecord) -> RatioTerms:
        """Return the checked terms of a run, with numerators as float64.

        Parameters
        ----------
        run : RunRecord
            The run.

        Returns
        -------
        RatioTerms

        Raises
        ------
        InputError
            If the function of the metric fails, its terms are not one finite number per customer, a denominator is negative, or a share is
            outside [0, 1].
        """
        definition, where = self.definition, f"metric '{self.definition.name}'"
        try:
            terms = definition.terms(run)
        except Exception as error:
            raise _user_error(where, "must have terms that can be computed", error) from error
        if not isinstance(terms, RatioTerms):
            raise InputError(format_error(where, "must return RatioTerms", type(terms).__name__, "Use mean_per_customer or ratio_of_sums."))
        if terms.is_total != definition.is_total:
            got = f"is_total={definition.is_total} in the definition and is_total={terms.is_total} in the terms"
            raise InputError(
                format_error(where, "must have the same is_total in its definition and its terms", got, "Set both to the same value.")
            )
        numerator = _checked_values(where, "numerator", terms.numerator, len(run)).astype(np.float64, copy=False)
        denominator = _checked_values(where, "denominator", terms.denominator, len(run))
        if (denominator < 0).any():
            got = f"{denominator.min():g} for customer {int(denominator.argmin())}"
            raise InputError(format_error(where, "must have denominators of at least 0", got, "Return a count or an amount."))
        if terms.allocated_cost is not None:
            _checked_values(where, "allocated cost", terms.allocated_cost, len(run))
        if definition.unit == SHARE_UNIT:
            _check_share(where, terms, numerator, denominator)
        terms = terms._replace(numerator=numerator, denominator=denominator)
        return terms.as_total(run.weight) if terms.is_total and terms.weight == 1 else terms


def _checked_values(where: str, noun: str, values: Array, n_customers: int) -> Array:
    """Return the values as an array of one finite number per customer, or raise."""
    found = np.asarray(values)
    if found.shape != (n_customers,):
        must, remedy = f"must return one {noun} per customer, shape ({n_customers},)", "Compute it from the arrays of run.outcomes."
        raise InputError(format_error(where, must, f"shape {found.shape}", remedy))
    if found.dtype.kind not in "biuf":
        raise InputError(format_error(where, f"must return numbers as {noun}s", str(found.dtype), "Convert them to float."))
    if not np.isfinite(found).all():
        first = int(np.flatnonzero(~np.isfinite(found))[0])
        remedy = "Set numerator and denominator to 0 to exclude such customers."
        raise InputError(format_error(where, f"must return finite {noun}s", f"{found[first]} for customer {first}", remedy))
    return found


def _check_share(where: str, terms: RatioTerms, numerator: Array, denominator: Array) -> None:
    """Raise if a share is a total, has allocated costs, or is outside [0, 1] for a customer."""
    if terms.is_total or terms.allocated_cost is not None:
        got, remedy = "a total" if terms.is_total else "allocated costs", "Use another unit, such as 'ratio'."
        raise InputError(format_error(where, f"must be a ratio of counts to have the unit '{SHARE_UNIT}'", got, remedy))
    is_outside = (numerator < 0) | (numerator > denominator * (1 + _SHARE_TOLERANCE))
    if is_outside.any():
        first = int(np.flatnonzero(is_outside)[0])
        got = f"{numerator[first]:g} of {float(denominator[first]):g} for customer {first}"
        must = f"must have numerators between 0 and the denominator to have the unit '{SHARE_UNIT}'"
        raise InputError(format_error(where, must, got, "Use another unit, such as 'ratio', if the metric is not a share."))


def check_definition(definition: MetricDefinition) -> None:
    """Raise if the definition of a metric is incomplete.

    Parameters
    ----------
    definition : MetricDefinition
        The definition.

    Raises
    ------
    InputError
        If its name is invalid, its unit, title or denominator is empty, or its terms are not a function.
    """
    name = definition.name
    if not isinstance(name, str) or not _NAME_PATTERN.fullmatch(name):
        must = "must be a word, optionally followed by words in brackets, such as 'visits' or 'visits[app]'"
        raise InputError(format_error("name of a metric", must, short_repr(name), "Choose a name that files can refer to."))
    for field in ("unit", "title", "denominator"):
        value = getattr(definition, field)
        if not isinstance(value, str) or not value.strip():
            raise InputError(
                format_error(f"metric '{name}'", f"must have a {field}", short_repr(value), f"Add a {field} to show in tables.")
            )
    if not callable(definition.terms):
        remedy = "Pass a function of the run, such as mean_of_outcome('opens')."
        raise InputError(format_error(f"metric '{name}'", "must have a function as terms", short_repr(definition.terms), remedy))


def _check_registrable(definition: MetricDefinition) -> None:
    """Raise if a definition is incomplete or has the name of a shipped metric."""
    check_definition(definition)
    if is_shipped_name(definition.name):
        raise _name_taken(definition.name, "the name of a shipped metric", "Choose another name.")


def _user_error(where: str, must: str, error: Exception) -> InputError:
    """Return an error that names the problem in a user's function; the exception becomes its cause."""
    if isinstance(error, InputError):  # raised by a function of this package that the user's function calls
        return InputError(f"{where}: {error}")
    got = textwrap.shorten(f"{type(error).__name__}: {error}", _MAX_ERROR_CHARS, placeholder=" ...")
    return InputError(format_error(where, must, got, "Correct its function, or call unregister_metric."))


def _name_taken(name: str, got: str, remedy: str) -> InputError:
    return InputError(format_error(f"metric '{name}'", "must have a unique name", got, remedy))


def _source_name(source: MetricSource) -> str:
    """Return the name of a metric, or of a factory's function."""
    return source.name if isinstance(source, MetricDefinition) else getattr(source, "__name__", type(source).__name__)
