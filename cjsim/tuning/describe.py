"""A study in words: what is free, what is wanted, how it is searched.

Lives here: the lines about a study. Does not live here: the words of its scenario (model/describe.py).
"""

from collections.abc import Iterator

from cjsim.model.describe import describe
from cjsim.model.phrases import listed, named
from cjsim.model.space import Free, Mix
from cjsim.tuning.study import Study

_SEARCHED = {
    "tpe": "by TPE",
    "nsga2": "by NSGA-II",
    "nsga3": "by NSGA-III",
    "cma": "by CMA-ES",
    "qmc": "along a Sobol sequence",
    "random": "at random",
    "gp": "by a Gaussian process",
}


def describe_study(study: Study) -> str:
    """What a study says, in words, a fact a line; then its scenario.

    Parameters
    ----------
    study : Study
        What is told.

    Returns
    -------
    str
        Lines, indented by what they belong to.
    """
    return "\n".join([*_search(study), "", "The baseline:", *(f"  {line}".rstrip() for line in describe(study.scenario).splitlines())])


def _search(study: Study) -> Iterator[str]:
    yield f"Study {named(study.name, study.title)}: {study.trials:,} trials of {study.size:,} customers, {_SEARCHED[study.sampler]},"
    yield f"{study.batch} at a time, seed {study.seed}{_extras(study)}."
    yield f"Wanted: {listed([f'{one.metric} {_SIZES[one.sign]}' for one in study.objectives])}."
    if study.constraints:
        yield f"Under: {listed([one.name for one in study.constraints])}."
    if study.draws is not None:
        aim = "the mean" if study.draws.aim == "mean" else f"the mean of the worst {study.draws.tail:g}"
        yield f"Over {study.draws.rows} parameter draws of the journey: {aim}."
    yield "Free:"
    yield from (f"  {line}" for path, free in study.free.items() for line in _free(path, free))
    yield from (f"  {_mix(name, mix)}" for name, mix in study.mixes.items())


_SIZES = {1: "large", -1: "small"}


def _extras(study: Study) -> str:
    said = [] if study.racing else ["no trial is given up early"]
    said += [] if study.pairing else ["each trial with customers of its own"]
    return "".join(f"; {one}" for one in said)


def _free(path: str, free: Free) -> Iterator[str]:
    if free.choices is not None:
        yield f"{path}: one of {', '.join(map(str, free.choices))}"
    else:
        how = f", in steps of {free.step}" if free.step is not None else ", by ratio" if free.log else ""
        yield f"{path}: from {free.low} to {free.high}{how}"
    if free.also:
        yield f"  and the same for {listed(list(free.also))}"


def _mix(name: str, mix: Mix) -> str:
    least = f", at least {mix.at_least:g} each" if mix.at_least else ""
    return f"{name}: {mix.total:g} split among {listed(list(mix.of))}{least}"
