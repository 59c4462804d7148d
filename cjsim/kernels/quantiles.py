"""Inverse distribution functions, which map a uniform to a value. All values are drawn by inversion, so couplings are monotone.

References
----------
Wichura (1988), Algorithm AS 241, Applied Statistics 37: inverse normal, relative error about 1e-16.
"""

import math

import numpy as np

from cjsim.kernel import inlined, kernel, rule
from cjsim.kernels.codes import DistributionCode
from cjsim.kernels.world import Array, World

TABLE_END = 8.3  # tables span z in [-TABLE_END, TABLE_END], z the normal quantile of the uniform

_CENTRAL, _MIDDLE = 0.425, 5.0


@inlined
def normal_quantile(u: float) -> float:
    """The standard normal quantile z of u in (0, 1): P(Z <= z) = u."""
    q = u - 0.5
    if abs(q) <= _CENTRAL:
        r = 0.180625 - q * q
        top = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
        top = ((top * r + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r + 1.3731693765509461125e4
        top = ((top * r + 1.9715909503065514427e3) * r + 1.3314166789178437745e2) * r + 3.3871328727963666080e0
        low = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
        low = ((low * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r + 5.3941960214247511077e3
        low = ((low * r + 6.8718700749205790830e2) * r + 4.2313330701600911252e1) * r + 1.0
        return q * top / low
    r = math.sqrt(-math.log(u if q < 0.0 else 1.0 - u))
    if r <= _MIDDLE:
        r = r - 1.6
        top = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
        top = ((top * r + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r + 3.64784832476320460504e0
        top = ((top * r + 5.76949722146069140550e0) * r + 4.63033784615654529590e0) * r + 1.42343711074968357734e0
        low = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
        low = ((low * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r + 6.89767334985100004550e-1
        low = ((low * r + 1.67638483018380384940e0) * r + 2.05319162663775882187e0) * r + 1.0
    else:
        r = r - _MIDDLE
        top = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
        top = ((top * r + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1
        top = ((top * r + 1.78482653991729133580e0) * r + 5.46378491116411436990e0) * r + 6.65790464350110377720e0
        low = 2.04426310338993978564e-15 * r + 1.42151175831644588870e-7
        low = ((low * r + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r + 1.48753612908506148525e-2
        low = ((low * r + 1.36929880922735805310e-1) * r + 5.99832206555887937690e-1) * r + 1.0
    return -top / low if q < 0.0 else top / low


@rule
def table_quantile(knots: Array, first: int, size: int, u: float) -> float:
    """Exp of the cubic Hermite interpolant of a tabulated log-quantile, at u in (0, 1).

    From `first` on, `knots` holds `size` values of log q on equidistant z in [-TABLE_END, TABLE_END], then `size` derivatives times the
    step.
    """
    z = (normal_quantile(u) + TABLE_END) * (size - 1) / (2.0 * TABLE_END)
    i = int(z)
    i = min(max(i, 0), size - 2)
    s = z - i
    y0 = knots[first + i]
    y1 = knots[first + i + 1]
    d0 = knots[first + size + i]
    d1 = knots[first + size + i + 1]
    rise = y1 - y0
    return math.exp(y0 + s * (d0 + s * ((3.0 * rise - 2.0 * d0 - d1) + s * (d0 + d1 - 2.0 * rise))))


@rule
def step_quantile(knots: Array, first: int, size: int, u: float) -> float:
    """The first of `size` values whose cumulative probability reaches u.

    From `first` on, `knots` holds `size` cumulative probabilities, then `size` values.
    """
    low = 0
    high = size - 1
    while low < high:
        middle = (low + high) // 2
        if knots[first + middle] >= u:
            high = middle
        else:
            low = middle + 1
    value: float = knots[first + size + low]
    return value


@inlined
def quantile(world: World, draw: np.record, u: float) -> float:
    """The value of a DISTRIBUTION record at a uniform u in (0, 1), in its unit (days, or money); increasing in u; inf for `never`."""
    scale: float = draw.scale
    a: float = draw.a
    if draw.kind == DistributionCode.EXPONENTIAL:
        return -scale * math.log1p(-u)
    if draw.kind == DistributionCode.FIXED:
        return scale
    if draw.kind == DistributionCode.LOGNORMAL:
        return scale * math.exp(a * normal_quantile(u))
    if draw.kind == DistributionCode.WEIBULL:
        return scale * math.pow(-math.log1p(-u), a)
    if draw.kind == DistributionCode.TABLE:
        return scale * table_quantile(world.knots, draw.table, draw.length, u)
    if draw.kind == DistributionCode.STEPS:
        return step_quantile(world.knots, draw.table, draw.length, u)
    if draw.kind == DistributionCode.UNIFORM:
        return scale + a * u
    return math.inf


@kernel
def fill_quantiles(world: World, draws: Array, u: Array, out: Array) -> None:
    """Fill `out` with the quantiles of one distribution (`draws`, shape (1,)) at the uniforms `u` (shape (n,)).

    Writes: out (float64, shape (n,)).
    """
    for i in range(u.shape[0]):
        out[i] = quantile(world, draws[0], u[i])
