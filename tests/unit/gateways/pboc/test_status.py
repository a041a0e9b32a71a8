"""The order of status codes: what comes out of order is an error."""

import pytest

from gateways.pboc.status import OrderError, Status, step


def test_settled_only_from_frozen_and_rejected_only_from_confirmed() -> None:
    for before in Status:
        for after, only in ((Status.SETTLED, Status.FROZEN), (Status.REJECTED, Status.CONFIRMED)):
            if before is only:
                assert step(before, after) is after
                continue
            with pytest.raises(OrderError, match=f"{after} after {before}"):
                step(before, after)


@pytest.mark.parametrize("last", [Status.REJECTED, Status.RETURNED])
def test_nothing_follows_an_end(last: Status) -> None:
    for after in Status:
        with pytest.raises(OrderError):
            step(last, after)
