"""Python's garbage collector, switched off for a while."""

from __future__ import annotations

import gc

import pytest

from labelcrm.lib.memory import collector_paused


def test_the_collector_is_back_after_a_block_that_failed() -> None:
    def fail() -> None:
        with collector_paused():
            assert not gc.isenabled()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert gc.isenabled()
