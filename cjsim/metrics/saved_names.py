"""Checks that the names in the manifest of a saved run are consistent."""

from collections.abc import Mapping, Sequence
from datetime import date

from cjsim.compiler.plan import Codebook
from cjsim.compiler.wages import Wages
from cjsim.engine.provenance import Provenance


def check_saved_names(codebook: Codebook, provenance: Provenance, wages: Mapping[str, Wages], stages: Sequence[str]) -> None:
    """Raise a ValueError if the parts of a manifest are inconsistent.

    Parameters
    ----------
    codebook : Codebook
        Names of the run.
    provenance : Provenance
        Provenance of the run.
    wages : Mapping of str to Wages
        Wages by desk.
    stages : sequence of str
        Names of stages.
    """
    pairs = (
        ("stages", stages, codebook.stages),
        ("wages", codebook.desks, wages),
        ("desk_rates", codebook.desks, provenance.desk_rates),
        ("spend", codebook.acquisition, provenance.spend),
    )
    for part, names, known in pairs:
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"{part} without '{missing[0]}'")
    date.fromisoformat(provenance.start)
    if not codebook.moments or not provenance.horizon > 0:
        raise ValueError("no moments, or a horizon that is not positive")
