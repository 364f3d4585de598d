"""What every store of factors keeps to: tests to run against one of your own.

Subclass the contract in a test module, and pytest runs it::

    from cruse_auth.factors.contract import FactorStoreContract

    class TestMyStore(FactorStoreContract):
        def make_store(self, app):
            return MyStore()
"""

# These are tests: they assert, and their names are the documentation.
# ruff: noqa: D102, S101

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cruse_auth.contract import _StoreContract
from cruse_auth.factors.store import Factor

if TYPE_CHECKING:
    from cruse import Cruse

__all__ = ["FactorStoreContract"]


class FactorStoreContract(_StoreContract):
    """Tests that hold for every store of factors; ``make_store`` is the one to write."""

    def factor(self, factor_id: str = "one", **changes: Any) -> Factor:
        """Return a factor that has everything."""
        factor = Factor(
            factor_id, "ada", "totp", "Das Telefon (groß)", 1000, 1500, 50_000_000_000, "x" * 2000
        )
        return replace(factor, **changes)

    def test_a_factor_comes_back_as_it_was(self, store: Any) -> None:
        assert store.add(self.factor())
        assert store.get("one") == self.factor()
        assert store.get("two") is None

    def test_a_name_is_given_once(self, store: Any) -> None:
        assert store.add(self.factor())
        assert not store.add(self.factor(user_id="eve"))
        assert store.get("one").user_id == "ada"

    def test_those_of_a_user_are_listed_the_oldest_first(self, store: Any) -> None:
        for factor_id, created_at in (("new", 30), ("old", 10), ("middle", 20)):
            store.add(self.factor(factor_id, created_at=created_at))
        store.add(self.factor("other", user_id="bob"))
        assert [factor.id for factor in store.of_user("ada")] == ["old", "middle", "new"]
        assert store.of_user("eve") == []

    def test_it_can_be_replaced_by_who_knows_its_counter(self, store: Any) -> None:
        store.add(self.factor(counter=5))
        assert not store.replace(self.factor(counter=7), 4)
        assert store.get("one").counter == 5
        assert store.replace(self.factor(counter=6, used_at=2000), 5)
        assert (store.get("one").counter, store.get("one").used_at) == (6, 2000)
        assert not store.replace(self.factor("two"), 0)

    def test_of_many_who_replace_at_once_one_does(self, app: Cruse, store: Any) -> None:
        store.add(self.factor(counter=5))

        def use(number: int) -> Any:
            with app.app_context():
                return store.replace(self.factor(counter=6), 5)

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(use, range(8)))) == 1

    def test_of_many_who_remove_at_once_one_does(self, app: Cruse, store: Any) -> None:
        store.add(self.factor())
        store.add(self.factor("two"))

        def remove(number: int) -> Any:
            with app.app_context():
                return store.remove("one")

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(remove, range(8)))) == 1
        assert [factor.id for factor in store.of_user("ada")] == ["two"]

    def test_those_of_a_kind_are_renewed_together(self, store: Any) -> None:
        store.add(self.factor("phone"))
        store.add(self.factor("old", kind="recovery"))
        store.add(self.factor("bobs", kind="recovery", user_id="bob"))
        store.renew("ada", "recovery", [self.factor(each, kind="recovery") for each in "xy"])
        assert {factor.id for factor in store.of_user("ada")} == {"phone", "x", "y"}
        store.renew("ada", "recovery", [])
        assert {factor.id for factor in store.of_user("ada")} == {"phone"}
        assert len(store.of_user("bob")) == 1

    def test_what_is_spent_is_spent_for_some_time(self, store: Any) -> None:
        assert store.spend("challenge", 100)
        assert not store.spend("challenge", 100)
        assert store.spend("another", -1)
        assert store.spend("another", 100)

    def test_of_many_who_spend_at_once_one_does(self, app: Cruse, store: Any) -> None:
        def spend(number: int) -> Any:
            with app.app_context():
                return store.spend("challenge", 100)

        with ThreadPoolExecutor(8) as pool:
            assert sum(map(bool, pool.map(spend, range(8)))) == 1
