"""What a run says of itself."""

from batch.drift import Drift
from cli.reindex import describe_drift


def test_drift_in_a_line():
    measured = Drift(against="r1", unchanged=1234, differing={"text": 0.015, "image": 0.0})
    assert describe_drift(measured) == "text 1.5%, image 0.0% of results over 1,234 unchanged products, against r1"
    assert describe_drift(Drift(against="r1")) == "nothing to compare: 0 products are as they were in r1"
    assert describe_drift(Drift(against="r1", problem="it is gone")) == "not measured: it is gone"
