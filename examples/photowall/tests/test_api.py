"""The JSON API beside the pages."""

from io import BytesIO


def form(picture, caption="From a program", **fields):
    return {"photo": (BytesIO(picture), "photo.png"), "caption": caption, **fields}


def test_photos_are_listed_in_pages(app, ada, visitor):
    app.config["PER_PAGE"] = 2
    for number in range(3):
        ada.hang(f"Photo {number}")
    first = visitor.get("/api/photos").json
    assert [photo["caption"] for photo in first["photos"]] == ["Photo 2", "Photo 1"]
    assert (first["page"], first["pages"], first["total"]) == (1, 2, 3)
    assert first["previous"] is None
    second = visitor.get(first["next"]).json
    assert [photo["caption"] for photo in second["photos"]] == ["Photo 0"]
    assert second["next"] is None
    assert visitor.get(second["previous"]).json == first


def test_a_program_chooses_how_many_it_gets_at_once(ada, visitor):
    for number in range(3):
        ada.hang(f"Photo {number}")
    first = visitor.get("/api/photos?per_page=1").json
    assert len(first["photos"]) == 1
    second = visitor.get(first["next"]).json
    assert [photo["caption"] for photo in second["photos"]] == ["Photo 1"]
    assert second["pages"] == 3
    assert len(visitor.get("/api/photos?per_page=1000").json["photos"]) == 3
    assert visitor.get("/api/photos?per_page=0").status_code == 404


def test_a_photo_tells_where_everything_is(ada, visitor):
    ada.hang("Low tide", description="The sea, far away")
    photo = visitor.get("/api/photos/1").json
    assert photo["caption"] == "Low tide"
    assert photo["description"] == "The sea, far away"
    assert photo["owner"].startswith("Ada")
    assert photo["posted_at"].endswith("+00:00")
    for link in ("image", "thumbnail", "url", "page"):
        assert visitor.get(photo[link]).status_code == 200


def test_a_program_posts_a_photo(ada, picture, stored):
    answer = ada.post("/api/photos", form(picture(kind="PNG"), description="Seen by nobody"))
    assert answer.status_code == 201
    assert answer.json["caption"] == "From a program"
    assert answer.json["description"] == "Seen by nobody"
    assert ada.get(answer.location).json == answer.json
    assert stored() == (1, 2)


def test_a_photo_that_is_not_complete_is_not_posted(ada, picture, stored):
    answer = ada.post("/api/photos", form(picture(kind="PNG"), caption=" "))
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.json["errors"] == {"caption": ["Write a caption."]}
    assert ada.post("/api/photos", {"caption": "No file"}).status_code == 415
    file_missing = ada.post(
        "/api/photos", {"caption": "No file"}, content_type="multipart/form-data"
    )
    assert file_missing.status_code == 400
    assert stored() == (0, 0)


def test_the_owner_changes_a_part_of_it(ada, visitor):
    ada.hang("Before", description="Stays")
    answer = ada.client.patch(
        "/api/photos/1", json={"caption": "After"}, headers={"Origin": "http://localhost"}
    )
    assert answer.status_code == 200
    assert (answer.json["caption"], answer.json["description"]) == ("After", "Stays")
    assert visitor.get("/api/photos/1").json == answer.json


def test_the_owner_deletes_it(ada, visitor, stored):
    ada.hang()
    answer = ada.client.delete("/api/photos/1", headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert visitor.get("/api/photos/1").status_code == 404
    assert stored() == (0, 0)


def test_others_can_neither_change_nor_delete_it(ada, noor, visitor, stored):
    ada.hang("Ada's")
    here = {"Origin": "http://localhost"}
    assert (
        noor.client.patch("/api/photos/1", json={"caption": "x"}, headers=here).status_code == 403
    )
    assert noor.client.delete("/api/photos/1", headers=here).status_code == 403
    assert visitor.client.delete("/api/photos/1", headers=here).status_code == 401
    assert visitor.get("/api/photos/1").json["caption"] == "Ada's"
    assert stored() == (1, 2)


def test_who_is_not_signed_in_gets_401_as_problem_details(visitor, picture, stored):
    answer = visitor.client.post("/api/photos", data=form(picture(kind="PNG")))
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert "WWW-Authenticate" in answer.headers
    assert stored() == (0, 0)


def test_errors_are_problem_details(visitor):
    for url, status in (("/api/photos/7", 404), ("/api/nope", 404), ("/api/photos?page=x", 404)):
        answer = visitor.get(url)
        assert answer.status_code == status
        assert answer.content_type == "application/problem+json"
        assert answer.json["status"] == status
        assert answer.json["title"] == "Not Found"


def test_a_method_that_is_not_there_is_told_with_those_that_are(visitor):
    answer = visitor.client.put("/api/photos/1", json={})
    assert answer.status_code == 405
    assert answer.json["status"] == 405
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}
