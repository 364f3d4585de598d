"""``cruse static compress``."""

import gzip
import os

import pytest

from cruse import Blueprint, Cruse
from cruse.cli.static import static_group

CSS = b"body { color: navy }\n" * 200


@pytest.fixture
def root(tmp_path):
    (tmp_path / "static" / "deep").mkdir(parents=True)
    (tmp_path / "static" / "app.css").write_bytes(CSS)
    (tmp_path / "static" / "deep" / "logo.svg").write_bytes(b"<svg/>" * 200)
    (tmp_path / "static" / "tiny.css").write_bytes(b"a {}")
    (tmp_path / "static" / "photo.jpg").write_bytes(CSS)
    (tmp_path / "static" / "random.bin").write_bytes(os.urandom(5000))
    (tmp_path / "static" / "bundle.tar.gz").write_bytes(CSS)
    (tmp_path / "secret.css").write_bytes(CSS)
    (tmp_path / "static" / "link.css").symlink_to(tmp_path / "secret.css")
    return tmp_path


@pytest.fixture
def app(root):
    app = Cruse(__name__, root_path=str(root))
    (root / "files").mkdir()
    (root / "files" / "a.js").write_bytes(CSS)
    app.register_blueprint(
        Blueprint("bp", __name__, root_path=str(root), static_folder="files", url_prefix="/bp")
    )
    return app


def compress(app):
    result = app.test_cli_runner().invoke(static_group, ["compress"])
    assert result.exit_code == 0, result.output
    return result.output


def siblings(root):
    found = {file for file in root.rglob("*.gz") if file.name != "bundle.tar.gz"}
    return {str(file.relative_to(root)) for file in found}


def test_what_is_worth_it_gets_a_sibling(app, root):
    compress(app)
    assert siblings(root) == {
        "static/app.css.gz",
        "static/deep/logo.svg.gz",
        "files/a.js.gz",
    }


@pytest.mark.parametrize("gateway", ["wsgi", "asgi"])
def test_the_siblings_are_sent(app, gateway):
    compress(app)
    client = app.test_client(gateway=gateway)
    headers = {"Accept-Encoding": "gzip"}
    for path in ("/static/app.css", "/bp/files/a.js"):
        response = client.get(path, headers=headers)
        assert response.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(response.data) == CSS


def test_only_what_has_changed_is_written_again(app, root):
    compress(app)
    assert compress(app).startswith("0 files")
    (root / "static" / "app.css").write_bytes(CSS * 2)
    compress(app)
    content = gzip.decompress((root / "static" / "app.css.gz").read_bytes())
    assert content == CSS * 2


def test_a_sibling_that_is_of_no_use_any_more_is_removed(app, root):
    compress(app)
    (root / "static" / "app.css").write_bytes(os.urandom(5000))
    compress(app)
    assert "static/app.css.gz" not in siblings(root)
