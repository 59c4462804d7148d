"""Text description of a study: free values, objectives, constraints and search settings."""

from collections.abc import Iterator

from cjsim.description.describe import describe
from cjsim.scenario.phrases import join_names, name_with_title
from cjsim.scenario.search_space import Free, Mix
from cjsim.tuning.samplers import sampler_phrase
from cjsim.tuning.study import Study


def describe_study(study: Study) -> str:
    """Describe a study and its scenario.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    str
        One fact per line, indented by section.
    """
    baseline = (f"  {line}".rstrip() for line in describe(study.scenario).splitlines())
    return "\n".join([*_study_lines(study), "", "The baseline:", *baseline])


def _study_lines(study: Study) -> Iterator[str]:
    size = f"{study.trials:,} trials with {study.customers_per_trial:,} customers each"
    yield f"Study {name_with_title(study.name, study.title)}: {size}."
    yield f"Trials are chosen {sampler_phrase(study.sampler)} in batches of {study.batch}, with seed {study.seed}{_option_phrases(study)}."
    yield f"Objective{'s' * (len(study.objectives) > 1)}: {join_names([one.phrase for one in study.objectives])}."
    if study.constraints:
        yield f"Constraint{'s' * (len(study.constraints) > 1)}: {join_names([one.name for one in study.constraints])}."
    if study.draws is not None:
        yield f"Aggregate over {study.draws.rows} parameter draws of the journey: {study.draws.make_aim().phrase}."
    yield "Free values:"
    yield from (f"  {line}" for path, free in study.free.items() for line in _free_value_lines(path, free))
    yield from (f"  {_mix_line(name, mix)}" for name, mix in study.mixes.items())


def _option_phrases(study: Study) -> str:
    phrases = [] if study.racing else ["no trial is stopped early"]
    phrases += [] if study.pairing else ["each trial has its own customers"]
    return "".join(f"; {phrase}" for phrase in phrases)


def _free_value_lines(path: str, free: Free) -> Iterator[str]:
    if free.choices is not None:
        yield f"{path}: one of {', '.join(map(str, free.choices))}"
    else:
        scale = f", in steps of {free.step}" if free.step is not None else ", on a logarithmic scale" if free.log else ""
        yield f"{path}: from {free.low} to {free.high}{scale}"
    if free.also:
        yield f"  with the same value for {join_names(list(free.also))}"


def _mix_line(name: str, mix: Mix) -> str:
    minimum = f", at least {mix.at_least:g} each" if mix.at_least else ""
    return f"{name}: {mix.total:g} divided among {join_names(list(mix.of))}{minimum}"
