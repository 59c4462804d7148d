"""Contract tests for extensions of cjsim. Each check raises an AssertionError that names the violated requirement."""

from cjsim.testing.metric_contract import check_metric as check_metric
from cjsim.testing.process_contract import check_process as check_process
from cjsim.testing.sampler_contract import check_sampler as check_sampler
