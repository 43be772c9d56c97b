"""The collector of cycles rests where many records are made, and only there."""

from __future__ import annotations

import gc

import pytest

from suite.report.garbage_collector import collector_paused


def test_the_collector_rests_meanwhile_and_goes_on_afterwards():
    """Also where something fails."""
    with collector_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off():
    """Whoever turned it off had a reason, one pause inside another too."""
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_function_can_be_paused_again_and_again():
    """As a decorator it pauses every call."""

    @collector_paused()
    def enabled() -> bool:
        return gc.isenabled()

    assert (enabled(), gc.isenabled(), enabled()) == (False, True, False)
