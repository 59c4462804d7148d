"""Dependent rows: repeated identifiers, clusters in several arms, few clusters, and copied rows."""

import numpy as np
from scipy import stats

from cjsim.uplift.p_values import p_phrase
from cjsim.uplift.soundness.assignment_units import AssignmentUnits
from cjsim.uplift.soundness.finding import Finding, finding_of_test
from cjsim.uplift.trials.dataset import Trial

_FEW_CLUSTERS = 10  # per arm (assumed; Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90, 414-427)


def check_repeated_ids(trial: Trial) -> Finding | None:
    """Check whether identifiers repeat although no cluster was named. Returns None if there are no identifiers or there are clusters.

    Parameters
    ----------
    trial : Trial
        The trial.
    """
    if trial.ids is None or trial.clusters is not None:
        return None
    import pandas as pd

    codes, distinct = pd.factorize(trial.ids)
    n_distinct = len(distinct) + int((codes < 0).any())
    if n_distinct == len(trial):
        return Finding(check="repeated ids", severity="ok", message="no identifier repeats")
    pairs = np.unique(codes * len(trial.arms) + trial.treatment)  # of an identifier and an arm
    n_split = int(np.count_nonzero(np.unique(pairs // len(trial.arms), return_counts=True)[1] > 1))
    return Finding(
        check="repeated ids",
        severity="warning",
        message=f"{len(trial)} rows hold only {n_distinct} identifiers, of which {n_split} are in several arms. Rows of one customer are "
        "not independent, so intervals are too narrow. Name the identifier as the cluster.",
        figure=float(n_distinct),
    )


def check_clusters(trial: Trial, units: AssignmentUnits) -> Finding | None:
    """Check the clusters. Returns None if there are none.

    Parameters
    ----------
    trial : Trial
        The trial.
    units : AssignmentUnits
        Its assigned units.
    """
    if trial.clusters is None:
        return None
    n_clusters = len(np.unique(trial.clusters))
    smallest = min(len(np.unique(trial.clusters[trial.treatment == arm])) for arm in range(len(trial.arms)))
    if smallest < _FEW_CLUSTERS:
        text = f"an arm has only {smallest} clusters. Cluster-robust intervals are unreliable with so few. Add clusters."
        return Finding(check="clusters", severity="warning", message=text, figure=float(smallest))
    if units.n_split:
        text = (
            f"{units.n_split} of {n_clusters} clusters have rows in several arms although clusters were assigned as a whole. Their "
            "customers may have had several treatments, which biases the effects towards 0. Find out why, or leave them out."
        )
        return Finding(check="clusters", severity="warning", message=text, figure=float(units.n_split))
    assigned = "clusters were assigned as a whole" if units.are_clusters else "rows were assigned independently of their clusters"
    text = f"standard errors are clustered ({n_clusters} clusters; {assigned})"
    return Finding(check="clusters", severity="ok", message=text, figure=float(n_clusters))


def check_copied_rows(trial: Trial) -> Finding:
    """Test whether rows with equal features are in the same arm more often than by chance.

    For each combination of feature values with several rows, the first two rows are compared. Under independent assignment, the probability
    that they are in the same arm is the sum of the squared shares of the arms. Copied rows are always in the same arm.

    Parameters
    ----------
    trial : Trial
        The trial.

    Returns
    -------
    Finding
        `figure` is the share of pairs in the same arm.
    """
    import pandas as pd

    if not len(trial.features.columns):
        return Finding(check="copied rows", severity="ok", message="not tested, because there are no features")
    keys = pd.util.hash_pandas_object(trial.features, index=False).to_numpy()
    order = np.argsort(keys, kind="stable")
    is_same = keys[order][1:] == keys[order][:-1]
    starts = np.flatnonzero(is_same & ~np.concatenate([[False], is_same[:-1]]))
    first, second = order[starts], order[starts + 1]
    if trial.clusters is not None:
        kept = trial.clusters[first] != trial.clusters[second]
        first, second = first[kept], second[kept]
    if not len(first):
        return Finding(check="copied rows", severity="ok", message="no two rows have equal features")
    agreeing = int(np.count_nonzero(trial.treatment[first] == trial.treatment[second]))
    expected = float(((np.bincount(trial.treatment) / len(trial)) ** 2).sum())
    p = float(stats.binomtest(agreeing, len(first), expected, alternative="greater").pvalue)
    shared = f"{agreeing} of {len(first)} pairs of rows with equal features are in the same arm"
    text = f"{shared}, and {100 * expected:.1f} % are expected ({p_phrase(p)})"
    return finding_of_test(
        "copied rows",
        p,
        ok=f"rows with equal features are not copies: {text}",
        alarm=f"some rows are probably copies: {text}. Copies make intervals too narrow. Remove them, or name a cluster.",
        figure=agreeing / len(first),
    )
