"""Forms in several steps."""

import pytest
from wtforms import BooleanField, FieldList, IntegerField, StringField
from wtforms.validators import InputRequired, NumberRange, ValidationError

from cruse_forms import Form

PAGE = """{{ form.render() }}
{% for name, url, done, current in steps -%}
  [{{ name }} {{ url }} {{ done }} {{ current }}]
{%- endfor %}
"""


class Goods(Form):
    article = StringField(validators=[InputRequired()])
    colours = FieldList(StringField())
    gift = BooleanField(default=True)


class Address(Form):
    town = StringField(validators=[InputRequired()])


class Payment(Form):
    euros = IntegerField(validators=[NumberRange(1, 100)])


class Stocked(Goods):
    sold_out = set()

    def validate_article(self, field):
        if field.data in self.sold_out:
            raise ValidationError("Sold out.")


class AsyncStocked(Goods):
    async def validate_article(self, field):
        if field.data in Stocked.sold_out:
            raise ValidationError("Sold out.")


@pytest.fixture(params=[Stocked, AsyncStocked])
def orders(app, forms, request):
    """The orders that were made; the wizard is at ``/shops/<shop>/<step>``."""
    made = []
    Stocked.sold_out = set()
    steps = {"goods": request.param, "address": Address, "payment": Payment}

    def order(forms, shop):
        if forms["payment"].value["euros"] == 13:
            raise RuntimeError("The bank is closed.")
        made.append((shop, {name: form.value for name, form in forms.items()}))
        return "thanks"

    async def async_order(forms, shop):
        return order(forms, shop)

    function = order if request.param is Stocked else async_order
    view = forms.wizard(steps, "steps.html")(function)
    app.add_url_rule("/shops/<shop>/<step>", "order", view, methods=["GET", "POST"])
    return made


@pytest.fixture
def shop(app, client, orders, tmp_path):
    """Asks for a step, and posts to it."""
    (tmp_path / "templates" / "steps.html").write_text(PAGE)
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"

    def ask(step, **sent):
        if sent:
            return client.post(f"/shops/toys/{step}", data=sent)
        return client.get(f"/shops/toys/{step}")

    return ask


GOODS = {"article": "ball", "colours-0": "red", "colours-1": "blue", "sent": "y"}


def test_steps_lead_to_the_function_with_all_forms(shop, orders):
    assert shop("goods").status_code == 200
    first = shop("goods", **GOODS)
    assert (first.status_code, first.location) == (303, "/shops/toys/address")
    assert shop("address", town="Oslo").location == "/shops/toys/payment"
    assert orders == []
    assert shop("payment", euros="9").text == "thanks"
    goods = {"article": "ball", "colours": ["red", "blue"], "gift": False}
    values = {"goods": goods, "address": {"town": "Oslo"}, "payment": {"euros": 9}}
    assert orders == [("toys", values)]


def test_no_step_is_left_out(shop, orders):
    assert shop("payment").location == "/shops/toys/goods"
    assert shop("payment", euros="9").location == "/shops/toys/goods"
    shop("goods", **GOODS)
    assert shop("payment").location == "/shops/toys/address"
    assert shop("nowhere").status_code == 404
    assert orders == []


def test_a_step_that_is_not_valid_is_shown_again(shop):
    wrong = shop("goods", article="")
    assert wrong.status_code == 422
    assert "This field is required." in wrong.text
    assert shop("address").location == "/shops/toys/goods"


def test_one_may_go_back_to_what_was_typed(shop, orders):
    shop("goods", **GOODS)
    shop("address", town="Oslo")
    page = shop("goods")
    assert page.status_code == 200
    assert 'value="ball"' in page.text
    assert 'value="blue"' in page.text
    assert "checked" not in page.text
    assert "[goods /shops/toys/goods True True]" in page.text
    assert "[address /shops/toys/address True False]" in page.text
    assert "[payment /shops/toys/payment False False]" in page.text
    shop("goods", article="doll")
    shop("payment", euros="9")
    assert orders[0][1]["goods"]["article"] == "doll"


def test_everything_is_validated_once_more_at_the_end(shop, orders):
    shop("goods", **GOODS)
    shop("address", town="Oslo")
    Stocked.sold_out.add("ball")
    assert shop("payment", euros="9").location == "/shops/toys/goods"
    assert orders == []
    assert shop("goods", article="doll").location == "/shops/toys/address"
    assert shop("payment", euros="9").text == "thanks"


def test_what_was_sent_is_forgotten_when_it_is_done_and_not_before(app, shop, orders):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    shop("goods", **GOODS)
    shop("address", town="Oslo")
    assert shop("payment", euros="13").status_code == 500
    assert shop("payment", euros="9").text == "thanks"
    assert shop("address").location == "/shops/toys/goods"
