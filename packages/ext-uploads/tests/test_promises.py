"""What the extension promises, and the tests that hold each promise.

The numbers are those of its plan. A promise without a test here says what is missing.
"""

import pytest

from tests.promises import names_in

HERE, MACHINE = "packages/ext-uploads/tests", "tests/machine"
ATTACKS = "packages/framework/tests/security"

HELD = {
    # The side-by-side table is made by benchmarks/uploads.py, which the first of these runs.
    1: (
        (MACHINE, "test_uploads_cost", "test_a_large_file_costs_little_more_than_to_copy_it"),
        (HERE, "test_receiving", "test_a_hundred_mebibytes_pass_through_little_memory"),
        (HERE, "test_receiving", "test_a_slow_disk_does_not_stop_the_loop"),
    ),
    # How quick it is beside obstore alone hangs on who else uses the machine: no test holds it,
    # benchmarks/uploads_s3.py measures it (2 to 3 % more time, and 10 are allowed).
    2: ((MACHINE, "test_uploads_s3", "test_a_large_file_goes_there_through_little_memory"),),
    3: (
        (HERE, "test_receiving", "test_what_is_announced_too_large_is_refused_unread"),
        (HERE, "test_receiving", "test_a_chunked_body_is_refused_at_the_chunk_that_is_too_much"),
    ),
    4: (
        (HERE, "test_receiving", "test_a_broken_form_is_refused_and_nothing_kept"),
        (HERE, "test_receiving", "test_a_form_without_a_boundary_is_refused"),
        (HERE, "test_receiving", "test_a_client_that_leaves_leaves_nothing_behind"),
        (HERE, "test_receiving", "test_a_full_disk_is_told"),
    ),
    5: (
        (MACHINE, "test_uploads_s3", "test_of_an_upload_whose_server_is_killed_nothing_is_seen"),
        (MACHINE, "test_uploads_parts", "test_a_sweep_removes_the_parts_of_killed_processes"),
        (HERE, "test_storage", "test_what_a_killed_process_left_is_swept"),
    ),
    6: (
        (HERE, "test_receiving", "test_equal_names_do_not_meet"),
        (MACHINE, "test_uploads_s3", "test_of_writers_at_the_same_time_one_wins"),
    ),
    7: (
        (HERE, "test_receiving", "test_any_name_is_kept_as_text_under_a_key_of_ours"),
        (HERE, "test_names", "test_any_name_makes_one_header_that_gives_it_back"),
        (HERE, "test_serving", "test_a_name_can_not_break_out_of_its_header"),
    ),
    8: (
        (HERE, "test_rules", "test_what_is_no_picture_is_refused"),
        (HERE, "test_rules", "test_a_script_in_a_picture_is_kept_as_the_picture_it_shows"),
    ),
    9: (
        (HERE, "test_rules", "test_a_pixel_bomb_is_refused"),
        (HERE, "test_images", "test_the_largest_sizes_are_read_from_the_header_alone"),
    ),
    10: (
        (HERE, "test_serving", "test_a_file_is_served_as_what_it_is"),
        (MACHINE, "test_uploads_browser", "test_no_script_in_an_upload_runs"),
    ),
    11: (
        (HERE, "test_serving", "test_a_signature_is_good_for_nothing_else"),
        (HERE, "test_serving", "test_a_signed_url_expires"),
        (HERE, "test_variants", "test_a_signature_for_a_picture_shows_no_variant"),
        (HERE, "test_direct", "test_a_signature_is_good_for_nothing_else"),
    ),
    # Several ranges in one request are answered with all of the file.
    12: (
        (HERE, "test_serving", "test_a_file_the_browser_has_is_not_sent_again"),
        (HERE, "test_serving", "test_the_server_in_front_may_send_the_file"),
        (MACHINE, "test_uploads_s3", "test_parts_of_what_is_there_are_served_from_there"),
    ),
    13: (
        (MACHINE, "test_multipart", "test_forms_are_what_other_parsers_take_them_for"),
        (HERE, "test_receiving", "test_the_limits_of_forms_hold"),
        (HERE, "test_receiving", "test_single_bytes_make_the_same_file"),
        (
            ATTACKS,
            "test_advisories_peers",
            "test_cve_2026_42561_the_headers_of_a_part_are_bounded",
        ),
    ),
    14: (
        (HERE, "test_scanning", "test_what_is_harmful_is_refused_and_never_shown"),
        (HERE, "test_scanning", "test_nobody_sees_a_file_while_it_is_scanned"),
    ),
    15: (
        (HERE, "test_transactions", "test_a_rollback_keeps_the_old_file_and_shows_no_new_one"),
        (HERE, "test_transactions", "test_a_commit_keeps_the_new_file_and_deletes_the_old"),
        (HERE, "test_upkeep", "test_a_sweep_keeps_what_a_database_refers_to"),
    ),
    # On the disk and in memory; an object store has no links.
    16: (
        (HERE, "test_sharing", "test_the_second_equal_file_takes_no_room"),
        (HERE, "test_sharing", "test_uploads_and_deletions_may_meet"),
    ),
    17: (
        (MACHINE, "test_uploads_resumable", "test_a_film_comes_in_whole_over_a_line_that_breaks"),
        (MACHINE, "test_uploads_uppy", "test_uppy_goes_on_over_a_line_that_breaks"),
        (HERE, "test_resumable", "test_a_request_at_another_offset_is_told_the_right_one"),
        (HERE, "test_resumable", "test_a_body_that_is_not_what_its_checksum_says_is_not_kept"),
        (HERE, "test_resumable", "test_an_expired_upload_is_gone_and_swept"),
        (HERE, "test_resumable", "test_uploads_can_be_concatenated"),
        (HERE, "test_resumable", "test_of_requests_at_once_the_newer_wins"),
        (HERE, "test_resumable", "test_the_draft_tells_problems"),
    ),
    18: (
        (MACHINE, "test_uploads_s3", "test_the_store_takes_what_was_announced_and_nothing_else"),
        (MACHINE, "test_uploads_uppy", "test_uppy_sends_a_file_to_where_it_is_kept"),
        (HERE, "test_direct", "test_what_breaks_a_rule_is_gone_when_it_is_confirmed"),
        (HERE, "test_direct", "test_what_nobody_confirmed_is_swept"),
        (HERE, "test_direct", "test_without_authorize_there_is_no_such_thing"),
        (HERE, "test_direct", "test_who_is_not_allowed_gets_no_url"),
    ),
    # StorageContract: the disk, memory, storage of one's own and obstore in memory here; Swift's
    # S3 there.
    19: (
        (HERE, "test_storage", "test_the_disk_says_where_it_is"),
        (HERE, "test_objects", "test_what_is_large_goes_up_in_parts"),
        (MACHINE, "test_uploads_s3", "test_of_writers_at_the_same_time_one_wins"),
    ),
    20: ((HERE, "test_receiving", "test_a_file_comes_in_whole"),),
    21: (
        (HERE, "test_receiving", "test_how_uploads_end_is_told_by_signals"),
        (HERE, "test_receiving", "test_what_came_is_told_at_most_once_per_mebibyte"),
    ),
    # It takes 20 ms where Cruse is loaded already.
    22: (
        (HERE, "test_extension", "test_importing_it_loads_neither_extras_nor_test_tools"),
        (HERE, "test_objects", "test_without_the_library_it_says_what_to_install"),
    ),
}


def test_every_promise_is_accounted_for():
    assert HELD.keys() == set(range(1, 23))


@pytest.mark.parametrize("number", HELD)
def test_the_tests_that_hold_it_are_there(number):
    for folder, module, name in HELD[number]:
        assert name in names_in(folder, module)
