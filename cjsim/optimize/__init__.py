"""A policy from a journey: studies that search free values for the best objectives under constraints, and levers ranked by effect.

The package is also its verb: `cj.optimize(study)`. Python gives a package the name of its folder, and the verb has the same one.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from cjsim.engine.run import Progress
    from cjsim.optimize.optimum import Optimum
    from cjsim.optimize.study import Study


class _Verb(ModuleType):
    """The package as something that can be called."""

    def __call__(
        self,
        study: "Study | str | os.PathLike[str]",
        *,
        trials: int | None = None,
        seed: int | None = None,
        storage: "str | os.PathLike[str] | None" = None,
        workers: int = 1,
        threads: int | None = None,
        progress: "Progress | None" = None,
    ) -> "Optimum":
        from cjsim.optimize.verb import optimize

        return optimize(study, trials=trials, seed=seed, storage=storage, workers=workers, threads=threads, progress=progress)


sys.modules[__name__].__class__ = _Verb
