"""Position tokens: those given out work for ever, those of an abandoned future say where to resume."""

from __future__ import annotations

import pytest

from eventlog.errors import BadPosition, PositionAbandoned
from eventlog.positions import Epochs


def test_a_token_names_the_position_it_was_made_of():
    epochs = Epochs((0,))
    assert epochs.position(epochs.token(7)) == 7


def test_after_a_restore_what_was_kept_is_still_valid_and_what_was_lost_says_where_to_resume():
    before, restored = Epochs((0,)), Epochs((0, 100))
    assert restored.position(before.token(100)) == 100
    with pytest.raises(PositionAbandoned) as lost:
        restored.position(before.token(101))
    assert lost.value.resume == "2.100"
    assert restored.position(restored.token(101)) == 101


def test_a_second_restore_to_an_earlier_point_abandons_what_the_first_had_kept():
    epochs = Epochs((0, 100, 50))
    with pytest.raises(PositionAbandoned) as lost:
        epochs.position("1.80")
    assert lost.value.resume == "3.50"
    assert epochs.position("1.50") == 50
    with pytest.raises(PositionAbandoned):
        epochs.position("2.120")


@pytest.mark.parametrize("token", ["", "7", "1.", "0.1", "9.1", "1.-1", "1.1e3", "一.二", "1." + "9" * 40])
def test_what_was_never_given_out_is_refused(token):
    with pytest.raises(BadPosition):
        Epochs((0,)).position(token)
