"""What the extension promises, and the test that holds each promise.

The numbers are those of its plan. A promise without a test here says what is missing.
"""

import pytest

from tests.promises import names_in

HERE, MACHINE = "packages/ext-uploads/tests", "tests/machine"

HELD = {
    # Its memory and its content; how quick it is beside obstore alone is not measured.
    2: (MACHINE, "test_uploads_s3", "test_a_large_file_goes_there_through_little_memory"),
    3: (HERE, "test_receiving", "test_what_is_announced_too_large_is_refused_unread"),
    4: (HERE, "test_receiving", "test_a_broken_form_is_refused_and_nothing_kept"),
    # What is left is swept: from a disk in test_storage, from S3 in tests/machine.
    5: (MACHINE, "test_uploads_s3", "test_of_an_upload_whose_server_is_killed_nothing_is_seen"),
    6: (HERE, "test_receiving", "test_equal_names_do_not_meet"),
    7: (HERE, "test_serving", "test_a_name_can_not_break_out_of_its_header"),
    8: (HERE, "test_rules", "test_what_is_no_picture_is_refused"),
    9: (HERE, "test_rules", "test_a_pixel_bomb_is_refused"),
    10: (MACHINE, "test_uploads_browser", "test_no_script_in_an_upload_runs"),
    11: (HERE, "test_serving", "test_a_signature_is_good_for_nothing_else"),
    # Several ranges in one request are answered with all of the file.
    12: (HERE, "test_objects", "test_files_go_there_and_are_served_from_there"),
    13: (MACHINE, "test_multipart", "test_forms_are_what_other_parsers_take_them_for"),
    14: (HERE, "test_scanning", "test_what_is_harmful_is_refused_and_never_shown"),
    15: (HERE, "test_transactions", "test_a_rollback_keeps_the_old_file_and_shows_no_new_one"),
    # On the disk and in memory; an object store has no links.
    16: (HERE, "test_sharing", "test_uploads_and_deletions_may_meet"),
    # With tus-js-client and 48 MiB, not yet with Uppy and a gigabyte.
    17: (
        MACHINE,
        "test_uploads_resumable",
        "test_a_film_comes_in_whole_over_a_line_that_breaks",
    ),
    # By the disk, memory, storage of one's own, obstore in memory, and Swift's S3.
    19: (MACHINE, "test_uploads_s3", "test_of_writers_at_the_same_time_one_wins"),
    20: (HERE, "test_receiving", "test_a_file_comes_in_whole"),
    21: (HERE, "test_receiving", "test_how_uploads_end_is_told_by_signals"),
    22: (HERE, "test_extension", "test_importing_it_loads_neither_pillow_nor_test_tools"),
}
NOT_HELD = {
    1: "measured in benchmarks/uploads.py; the memory is held by test_receiving",
    18: "nothing is sent to an object store directly yet",
}


def test_every_promise_is_accounted_for():
    assert HELD.keys() | NOT_HELD.keys() == set(range(1, 23))
    assert HELD.keys() & NOT_HELD.keys() == set()


@pytest.mark.parametrize("number", HELD)
def test_the_test_that_holds_it_is_there(number):
    folder, module, name = HELD[number]
    assert name in names_in(folder, module)
