"""An application of one's own class: what it adds is known wherever the proxies are used."""

from typing import Any, assert_type, cast

import cruse
from cruse import Config, Cruse, get_app
from cruse.config import ConfigAttribute
from cruse.context import Globals


class Mailer:
    def send(self, to: str) -> int:
        return len(to)


class ShopConfig(Config):
    @property
    def currency(self) -> str:
        return str(self["CURRENCY"])


class ShopGlobals(Globals):
    customer: str | None = None


class Shop(Cruse):
    config_class = ShopConfig
    config: ShopConfig
    app_ctx_globals_class = ShopGlobals
    items_per_page: ConfigAttribute[int] = ConfigAttribute("ITEMS_PER_PAGE")

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self.mailer = Mailer()


current_app = cast("Shop", cruse.current_app)
g = cast("ShopGlobals", cruse.g)
shop = Shop(__name__)


@shop.get("/")
def index() -> str:
    assert_type(current_app.config.currency, str)
    assert_type(current_app.config["ANYTHING"], Any)
    assert_type(current_app.items_per_page, int)
    assert_type(current_app.mailer.send("ada@example.com"), int)
    assert_type(g.customer, str | None)
    assert_type(get_app(Shop), Shop)
    assert_type(get_app(Shop).mailer, Mailer)
    g.customer = "ada"
    return current_app.config.currency


@shop.get("/mistakes")
def mistakes() -> str:
    current_app.mailer.sent("ada@example.com")  # wrong: attr-defined, reportAttributeAccessIssue
    current_app.mailer.send(5)  # wrong: arg-type, reportArgumentType
    cruse.current_app.mailer.send()  # wrong: attr-defined, reportAttributeAccessIssue
    g.customer = 5  # wrong: assignment, reportAttributeAccessIssue
    get_app(Mailer()).send("ada")  # wrong: arg-type, reportArgumentType
    return current_app.items_per_page  # wrong: return-value, reportReturnType
