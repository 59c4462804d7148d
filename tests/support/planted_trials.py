"""Tables of trials with known effects, for tests of readouts."""

import numpy as np
import pandas as pd


def planted_trial(n: int = 4_000, *, effect: float = 0.1, slope: float = 0.0, arms: int = 2, seed: int = 1) -> pd.DataFrame:
    """A randomized trial of mail against none. The effect on `bought` is `effect + slope * sign(recency)`; later arms have no effect."""
    rng = np.random.default_rng(seed)
    recency, visits = rng.normal(size=n), rng.poisson(3.0, n)
    arm = rng.permutation(np.arange(n) % arms)
    chance = 0.3 + 0.02 * np.minimum(visits, 5) + (arm == 1) * (effect + slope * np.sign(recency))
    labels = np.array(["none", "mail", "sms"])
    table = pd.DataFrame({"arm": labels[arm], "recency": recency, "visits": visits, "country": rng.choice(["UK", "FR"], n)})
    bought = rng.random(n) < chance
    return table.assign(bought=bought.astype(int), spend=np.where(bought, rng.lognormal(3.0, 0.5, n), 0.0))


def confounded_table(n: int = 6_000, *, effect: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Observational data: visitors get more mail and buy more. The difference of means is about .08 above the effect."""
    rng = np.random.default_rng(seed)
    activity = rng.normal(size=n)
    chance = 1.0 / (1.0 + np.exp(-activity))
    mailed = rng.random(n) < chance
    bought = rng.random(n) < 0.1 + 0.4 * chance + effect * mailed
    return pd.DataFrame({"mail": mailed.astype(int), "activity": activity, "bought": bought.astype(int), "chance": chance})
