"""Contract tests for extensions of cjsim: each check raises an AssertionError that names the contract that does not hold."""

from cjsim.testing.sampler_contract import check_sampler as check_sampler
