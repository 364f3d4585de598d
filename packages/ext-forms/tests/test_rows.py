"""Lists of rows that people change with plain buttons of the form."""

import re

import pytest
from wtforms import FormField, IntegerField, StringField
from wtforms.validators import InputRequired

from cruse_forms import Form, Rows


class Line(Form):
    name = StringField(validators=[InputRequired()])
    count = IntegerField()


class Order(Form):
    who = StringField(validators=[InputRequired()])
    lines = Rows(FormField(Line), min=1, max=3, movable=True)


@pytest.fixture
def order(client, view_of):
    orders = []

    def view():
        form = Order()
        if form.validate_on_submit():
            orders.append(form.value)
            return {"lines": [line["name"] for line in form.value["lines"]]}
        return form.respond("page.html")

    view_of(view)

    def order(*names, **more):
        rows = {f"lines-{number}-name": name for number, name in enumerate(names)}
        return client.post("/", data=rows | {f"lines-{key}": value for key, value in more.items()})

    order.placed = orders
    return order


def shown(response):
    assert response.status_code == 200
    assert "form-summary" not in response.text
    page = re.sub("<template>.*?</template>", "", response.text, flags=re.DOTALL)
    numbers = re.findall(r'name="lines-(\d+)-name"', page)
    assert numbers == [str(number) for number in range(len(numbers))]
    return re.findall(r'name="lines-\d+-name"[^>]* value="(\w*)"', page)


def test_a_button_adds_a_row_and_keeps_the_others(order):
    assert shown(order("a", add="1")) == ["a", ""]
    assert order.placed == []


def test_no_more_rows_are_added_than_allowed(order):
    assert shown(order("a", "b", add="1")) == ["a", "b", ""]
    full = order("a", "b", "c", add="1")
    assert shown(full) == ["a", "b", "c"]
    assert "lines-add" not in full.text
    assert "<template>" not in full.text


def test_a_button_removes_its_row_but_not_the_last(order):
    assert shown(order("a", "b", "c", remove="1")) == ["a", "c"]
    only = order("a", remove="0")
    assert shown(only) == ["a"]
    assert "lines-remove" not in only.text


def test_buttons_move_rows(order):
    assert shown(order("a", "b", "c", up="1")) == ["b", "a", "c"]
    assert shown(order("a", "b", "c", down="1")) == ["a", "c", "b"]
    assert shown(order("a", "b", up="0")) == ["a", "b"]
    assert shown(order("a", "b", down="1")) == ["a", "b"]


@pytest.mark.parametrize("value", ["7", "-1", "²", "x", "", "9" * 5_000])
def test_a_button_with_a_wrong_number_changes_nothing(order, value):
    assert shown(order("a", "b", remove=value)) == ["a", "b"]


def test_too_many_rows_are_an_error_and_not_cut_off(client, order):
    sent = {f"lines-{number}-name": "x" for number in range(4)}
    response = client.post("/", data=sent | {"who": "Ada"})
    assert response.status_code == 422
    assert "There can be 3 at most." in response.text
    lines = [{"name": "x", "count": 1}] * 3
    told = client.post("/", json={"who": "Ada", "lines": lines})
    assert told.json == {"lines": ["x", "x", "x"]}


def test_there_is_an_empty_row_for_scripts(client, order):
    page = client.get("/").text
    template = re.search("<template>(.*?)</template>", page, re.DOTALL)[1]
    assert 'name="lines-__row__-name"' in template
    assert 'id="lines-__row__-name"' in template
    assert 'for="lines-__row__-name"' in template


def test_buttons_say_which_row_they_are_for(client, order):
    page = order("a", "b", add="1").text
    assert 'aria-label="Remove: Lines 2"' in page
    assert "formnovalidate" in page
