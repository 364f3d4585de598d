"""The programs that the other tests here start do start."""

import psycopg


def test_the_database_server_answers(postgres_server):
    with psycopg.connect(host=str(postgres_server), user="cruse", dbname="postgres") as connection:
        (version,) = connection.execute("SELECT version()").fetchone()
    assert version.startswith("PostgreSQL ")


def test_the_browser_renders_a_page(browser):
    browser.get("data:text/html,<title>A page</title><h1>Hello")
    assert browser.title == "A page"
    assert browser.find_element("tag name", "h1").text == "Hello"
