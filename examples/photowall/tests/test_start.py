"""The first start, and how a wall is configured."""

import os
import stat
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import photowall
from photowall.extensions import db
from photowall.photos import newest_first, remove
from photowall.seeds import SEEDS, paint

EXAMPLE = Path(photowall.__file__).parents[1]


def test_a_new_wall_has_pictures_by_people(make_app):
    client = make_app(SEED=True).test_client()
    listed = client.get("/api/photos?per_page=100").json
    assert listed["total"] == len(listed["photos"]) == len(SEEDS)
    assert {photo["owner"] for photo in listed["photos"]} == {seed.owner for seed in SEEDS}
    assert all(photo["description"] for photo in listed["photos"])
    times = [photo["posted_at"] for photo in listed["photos"]]
    assert times == sorted(times, reverse=True)


def test_a_wall_that_was_emptied_stays_empty(make_app):
    first = make_app(SEED=True)
    first.start()
    with first.app_context():
        for photo in list(db.session.scalars(newest_first())):
            remove(photo)
    again = make_app(SEED=True).test_client()
    assert again.get("/api/photos").json["total"] == 0


def test_processes_that_start_at_the_same_time_paint_once(tmp_path):
    program = (
        "import sys; from photowall import create_app\n"
        "app = create_app({}, instance_path=sys.argv[1])\n"
        "print(app.test_client().get('/api/photos?per_page=100').json['total'])\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE)}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for process in running:
        process.communicate(timeout=100)
        assert process.returncode == 0
    last = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    assert int(last.stdout) == len(SEEDS)


def test_a_picture_is_painted_the_same_each_time():
    picture = paint(SEEDS[0])
    assert picture == paint(SEEDS[0])
    with Image.open(BytesIO(picture)) as image:
        assert image.size == SEEDS[0].size


def test_the_captions_of_the_pictures_differ():
    assert len({seed.caption for seed in SEEDS}) == len(SEEDS)
    assert len({seed.number for seed in SEEDS}) == len(SEEDS)


def test_the_secret_key_is_made_once_and_for_the_owner_only(make_app, tmp_path):
    first, second = make_app(), make_app()
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"]
    assert len(first.config["SECRET_KEY"]) >= 32
    path = tmp_path / "instance" / "secret_key"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret_key"]


def test_the_environment_configures_a_wall(make_app, monkeypatch, tmp_path):
    monkeypatch.setenv("PHOTOWALL_PER_PAGE", "3")
    monkeypatch.setenv("PHOTOWALL_DB_URL", f"sqlite:///{tmp_path}/elsewhere.db")
    monkeypatch.setenv("PHOTOWALL_SECRET_KEY", "from the environment")
    app = make_app()
    assert app.config["PER_PAGE"] == 3
    assert app.config["SECRET_KEY"] == "from the environment"
    assert app.test_client().get("/").status_code == 200
    assert (tmp_path / "elsewhere.db").exists()


def test_a_setting_of_an_extension_that_is_misspelt_is_named(make_app):
    with pytest.raises(ValueError, match="DB_ULR"):
        make_app(DB_ULR="sqlite://").start()
