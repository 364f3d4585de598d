"""The pages of the wall, as visitors and owners see them."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from photowall.wall.dates import ago


def captions(page):
    return re.findall(r"<h2>(.*?)</h2>", page.text)


def test_an_empty_wall_says_so_and_offers_to_post_the_first_photo(visitor):
    page = visitor.get("/")
    assert page.status_code == 200
    assert "The wall is empty" in page.text
    assert 'href="/post"' in page.text


def test_the_newest_photo_comes_first(ada, visitor):
    for caption in ("First", "Second", "Third"):
        assert ada.hang(caption).status_code == 303
    assert captions(visitor.get("/")) == ["Third", "Second", "First"]


def test_pages_follow_each_other(make_app, app, ada, visitor):
    app.config["PER_PAGE"] = 2
    for number in range(5):
        ada.hang(f"Photo {number}")
    assert captions(visitor.get("/")) == ["Photo 4", "Photo 3"]
    second = visitor.get("/?page=2")
    assert captions(second) == ["Photo 2", "Photo 1"]
    assert 'rel="prev" href="/"' in second.text
    assert 'rel="next" href="/?page=3"' in second.text
    assert captions(visitor.get("/?page=3")) == ["Photo 0"]


@pytest.mark.parametrize("page", ["2", "0", "-1", "x", "9" * 30])
def test_a_page_that_does_not_exist_is_not_found(visitor, page):
    assert visitor.get(f"/?page={page}").status_code == 404


def test_a_photo_has_a_page_with_picture_caption_and_who_posted_it(ada, visitor):
    ada.hang("Low tide", description="The sea, far away")
    page = visitor.get("/photos/1")
    assert page.status_code == 200
    assert "<h1>Low tide</h1>" in page.text
    assert "Ada" in page.text
    image = re.search(r'<img src="(/_uploads/[^"]+)" alt="The sea, far away"', page.text)[1]
    assert visitor.get(image).content_type == "image/webp"


def test_photos_lead_to_the_ones_posted_before_and_after(ada, visitor):
    for caption in ("First", "Second", "Third"):
        ada.hang(caption)
    page = visitor.get("/photos/2")
    assert 'rel="prev" href="/photos/3"' in page.text
    assert 'rel="next" href="/photos/1"' in page.text


@pytest.mark.parametrize("number", ["7", "0", "-1", "2147483648", "9" * 30, "x"])
def test_a_photo_that_does_not_exist_is_not_found(visitor, number):
    page = visitor.get(f"/photos/{number}")
    assert page.status_code == 404
    assert "Nothing hangs here" in page.text or "no such photo" in page.text


def test_captions_are_shown_as_they_were_written(ada, visitor):
    ada.hang("<script>alert(1)</script> & “more”")
    assert captions(visitor.get("/")) == ["&lt;script&gt;alert(1)&lt;/script&gt; &amp; “more”"]


def test_posting_needs_a_sign_in_which_leads_back(visitor):
    page = visitor.get("/post")
    assert page.status_code == 302
    assert page.location == "/auth/login?next=/post"


def test_whoever_posts_is_told_that_it_worked(ada):
    page = ada.get(ada.hang("Hello").location)
    assert "Your photo is on the wall." in page.text
    assert "Your photo is on the wall." not in ada.get("/").text


def test_a_photo_without_a_caption_is_sent_back_with_what_is_missing(ada, stored):
    page = ada.hang("  ", description="Kept in the form")
    assert page.status_code == 422
    assert "Write a caption." in page.text
    assert "Kept in the form" in page.text
    assert 'aria-invalid="true"' in page.text
    assert stored() == (0, 0)


def test_the_picture_need_not_be_chosen_again(ada, visitor, stored):
    page = ada.hang("  ", name="holiday.jpg")
    assert "holiday.jpg" in page.text
    kept = re.search(r'name="photo-kept" value="([^"]+)"', page.text)[1]
    assert visitor.get("/api/photos").json["total"] == 0
    assert ada.post("/post", {"caption": "Now", "photo-kept": kept}).location == "/"
    assert captions(visitor.get("/")) == ["Now"]
    assert stored() == (1, 2)


def test_a_caption_may_have_140_characters_and_no_more(ada, stored):
    assert ada.hang("ä" * 141).status_code == 422
    assert ada.hang("ä" * 140).status_code == 303
    assert stored() == (1, 2)


def test_a_form_without_a_file_is_sent_back(ada, stored):
    page = ada.post("/post", {"caption": "No picture"})
    assert page.status_code == 422
    assert "Choose a picture." in page.text
    assert stored() == (0, 0)


def test_control_characters_do_not_get_into_captions(ada, visitor):
    ada.hang("one\r\n\x1b[31mtwo\u202e  three")
    assert captions(visitor.get("/")) == ["one [31mtwo three"]


def test_the_owner_edits_the_caption(ada, visitor):
    ada.hang("Befor", description="A description")
    form = ada.get("/photos/1/edit")
    assert 'value="Befor"' in form.text
    answer = ada.post("/photos/1/edit", {"caption": "After", "description": "Another"})
    assert answer.location == "/photos/1"
    page = visitor.get("/photos/1")
    assert "<h1>After</h1>" in page.text
    assert "Another" in page.text


def test_an_edit_that_is_not_valid_changes_nothing(ada, visitor):
    ada.hang("Before")
    answer = ada.post("/photos/1/edit", {"caption": "", "description": ""})
    assert answer.status_code == 422
    assert captions(visitor.get("/")) == ["Before"]


def test_the_owner_deletes_a_photo_after_being_asked(ada, visitor, stored):
    ada.hang("Soon gone")
    assert "Delete this photo?" in ada.get("/photos/1/delete").text
    assert stored() == (1, 2)
    assert ada.post("/photos/1/delete").location == "/"
    assert visitor.get("/photos/1").status_code == 404
    assert stored() == (0, 0)


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_others_can_neither_edit_nor_delete_it(ada, noor, visitor, stored, action):
    ada.hang("Ada's")
    url = f"/photos/1/{action}"
    assert noor.get(url).status_code == 403
    assert noor.post(url, {"caption": "Noor's"}).status_code == 403
    assert visitor.post(url, {"caption": "Nobody's"}).location.startswith("/auth/login")
    assert captions(visitor.get("/")) == ["Ada&#39;s"]
    assert stored() == (1, 2)


def test_only_the_owner_is_offered_to_change_a_photo(ada, noor, visitor):
    ada.hang()
    assert "/photos/1/edit" in ada.get("/photos/1").text
    assert "/photos/1/edit" not in noor.get("/photos/1").text
    assert "/photos/1/edit" not in visitor.get("/photos/1").text


def test_people_have_a_page_with_their_own_photos(ada, noor):
    assert "Nothing of yours yet" in ada.get("/account/").text
    ada.hang("Ada was here")
    noor.hang("Noor was here")
    assert captions(ada.get("/account/")) == ["Ada was here"]


def test_people_sign_in_and_out(visitor):
    assert visitor.get("/post").status_code == 302
    visitor.sign_in("João")
    assert visitor.get("/post").status_code == 200
    visitor.post("/auth/logout")
    assert visitor.get("/post").status_code == 302


def test_who_signs_in_again_is_the_same_person(visitor, make_visitor):
    visitor.sign_in("Noor").hang("Mine")
    again = make_visitor().sign_in("Noor")
    assert captions(again.get("/account/")) == ["Mine"]


def test_who_changes_their_mind_during_the_sign_in_is_not_signed_in(visitor):
    start = visitor.post("/auth/local/login")
    choice = visitor.get(start.location, follow_redirects=True)
    back = visitor.post(choice.request.url, {"cancel": "1"}, follow_redirects=True)
    assert back.status_code == 403
    assert visitor.get("/post").status_code == 302


def test_a_number_is_not_given_to_another_photo_after_a_deletion(ada, visitor):
    ada.hang("First")
    ada.post("/photos/1/delete")
    ada.hang("Second")
    assert visitor.get("/photos/1").status_code == 404
    assert visitor.get("/photos/2").status_code == 200


def test_pages_load_nothing_from_elsewhere_and_no_inline_code(visitor):
    page = visitor.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert not re.search(r"<style|\sstyle=|<script>|\son[a-z]+=|//[a-z]", page.text)


def test_pages_made_for_one_person_stay_out_of_caches(ada):
    assert "private" in ada.get("/").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=6, hours=23), "6 days ago"),
        (timedelta(days=7), "15 November 2026"),
    ],
)
def test_dates_are_told_as_people_do(passed, said):
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert ago(now - passed, now) == said
