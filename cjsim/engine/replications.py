"""Replications: runs of a scenario with independent seeds. Intervals from replications are valid even if customers affect each other."""

import hashlib

from cjsim.engine.outcomes import CHANNEL_TOUCHES
from cjsim.engine.run_record import RunRecord
from cjsim.kernels.codes import ReplyCode, TouchCode

DEFAULT_REPLICATIONS = 8  # where customers affect each other through desks or budgets
MAX_REPLICATIONS = 10_000


def replication_seed(seed: int, number: int) -> int:
    """Return the seed of a replication. Replication 0 has the seed of the scenario.

    Parameters
    ----------
    seed : int
        Seed of the scenario, in [0, 2**63).
    number : int
        Number of the replication, from 0.

    Returns
    -------
    int
        In [0, 2**63): the first 63 bits of a digest of the name of the replication and the seed.

    Examples
    --------
    >>> replication_seed(7, 0), replication_seed(7, 1) == replication_seed(8, 1)
    (7, False)
    """
    if number == 0:
        return seed
    digest = hashlib.blake2s(f"replication:{number}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def customers_affect_each_other(run: RunRecord) -> bool:
    """Return whether, in this run, a request had to wait at a desk or a budget was used up.

    If not, no customer's trajectory depended on that of another, and the interval of a single run is as valid as without shared resources.
    Time before day 0 and after the horizon counts, too, because it affects the state on day 0, and CLV.

    Parameters
    ----------
    run : RunRecord
        The run.
    """
    if run.provenance.do_customers_interact is not None:
        return run.provenance.do_customers_interact
    # Older versions did not record it, so it is derived from the customer tables.
    desks, touches = run.outcomes.desks, run.outcomes.touch_counts
    has_waited = bool((desks["waited"] > 0).any() or (desks["replies"][:, :, ReplyCode.UNANSWERED] > 0).any())
    return has_waited or bool((touches[:, :, CHANNEL_TOUCHES.index(TouchCode.SUPPRESSED_BUDGET.name.lower())] > 0).any())


def default_replications(run: RunRecord) -> int:
    """Return how many replications a scenario has by default, given its first: 8 if its customers affect each other, otherwise 1.

    Parameters
    ----------
    run : RunRecord
        The first replication.
    """
    is_user_defined = bool(run.provenance.processes)  # user functions may keep state from one run to the next
    return DEFAULT_REPLICATIONS if run.provenance.shared and customers_affect_each_other(run) and not is_user_defined else 1
