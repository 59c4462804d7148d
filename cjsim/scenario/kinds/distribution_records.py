"""Records of distributions that waits, amounts and traits share."""

from cjsim.kernels.codes import DistributionCode
from cjsim.scenario.kinds.registers import DistributionRecord, QuantileRegister


def constant_record(value: float) -> DistributionRecord:
    """The record of a constant."""
    return DistributionRecord(DistributionCode.FIXED, scale=value)


def exponential_record(mean: float) -> DistributionRecord:
    """The record of an exponential distribution."""
    return DistributionRecord(DistributionCode.EXPONENTIAL, scale=mean)


def gamma_record(mean: float, shape: float, tables: QuantileRegister) -> DistributionRecord:
    """The record of a gamma distribution with a mean and a shape."""
    first, length = tables.gamma(shape)
    return DistributionRecord(DistributionCode.TABLE, table=first, length=length, scale=mean / shape)


def lognormal_record(median: float, sigma: float) -> DistributionRecord:
    """The record of a lognormal distribution with a median and the standard deviation of its logarithm."""
    return DistributionRecord(DistributionCode.LOGNORMAL, scale=median, a=sigma)


def uniform_record(low: float, high: float) -> DistributionRecord:
    """The record of a uniform distribution between two numbers."""
    return DistributionRecord(DistributionCode.UNIFORM, scale=low, a=high - low)


def empirical_record(values: tuple[float, ...], weights: tuple[float, ...] | None, tables: QuantileRegister) -> DistributionRecord:
    """The record of a distribution over given values, by weight; equal weights if there are none."""
    first, length = tables.steps(values, weights)
    return DistributionRecord(DistributionCode.STEPS, table=first, length=length)
