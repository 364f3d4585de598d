"""An application keeps nothing of the requests that it has answered."""

from benchmarks.leaks import ALLOWED, growth


def test_nothing_is_left_of_thousands_of_mixed_requests():
    grown = growth(3000)
    too_much = {name: amount for name, amount in grown.items() if amount > ALLOWED[name]}
    assert not too_much
