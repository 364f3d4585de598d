import sqlite3

import pytest
from flask import g, session
from journal.db import get_db


def test_someone_joins_and_signs_in(client):
    form = {"name": "Ada", "password": "secret"}
    assert client.post("/people/join", data=form).headers["Location"] == "/people/sign-in"
    assert "called Ada already" in client.post("/people/join", data=form).text
    assert "needed" in client.post("/people/join", data={"name": "", "password": ""}).text
    assert "not right" in client.post("/people/sign-in", data={**form, "password": "?"}).text
    with client:
        assert client.post("/people/sign-in", data=form).headers["Location"] == "/"
        client.get("/")
        assert session["person"] == 1
        assert g.person["name"] == "Ada"
        client.get("/people/sign-out")
        assert "person" not in session


def test_entries_are_written_changed_and_deleted(ada):
    assert "Nothing yet" in ada.get("/").text
    assert "heading is needed" in ada.post("/write", data={"heading": "", "text": "x"}).text
    ada.post("/write", data={"heading": "Jars & lids", "text": "Full."})
    page = ada.get("/").text
    assert "Jars &amp; lids" in page
    assert 'href="/1/change"' in page
    ada.post("/1/change", data={"heading": "Jars", "text": "Empty."})
    assert ada.get("/entries.json").get_json() == [{"id": 1, "heading": "Jars"}]
    assert ada.post("/1/delete").status_code == 302
    assert ada.get("/entries.json").get_json() == []


def test_entries_belong_to_those_who_wrote_them(ada, app):
    ada.post("/write", data={"heading": "Mine", "text": ""})
    with app.app_context():
        db = get_db()
        db.execute("UPDATE entry SET person_id = 99")
        db.commit()
    assert ada.post("/1/delete").status_code == 403
    assert ada.get("/7/change").status_code == 404


@pytest.mark.parametrize("path", ["/write", "/1/change"])
def test_strangers_are_sent_to_sign_in(client, path):
    assert client.get(path).headers["Location"] == "/people/sign-in"


def test_a_connection_lasts_as_long_as_the_context(app):
    with app.app_context():
        db = get_db()
        assert db is get_db()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        db.execute("SELECT 1")


def test_the_command_makes_the_tables(app):
    with app.app_context():
        assert "made" in app.test_cli_runner().invoke(args=["init-db"]).output
