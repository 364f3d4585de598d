"""What the extension promises, and the test that holds each promise.

The numbers are those of its plan. Where several tests hold one, the hardest is named.
"""

import pytest

from tests.promises import names_in

HERE, MACHINE = "packages/ext-db/tests", "tests/machine"

HELD = {
    1: (HERE, "test_engines", "test_a_sync_application_runs_without_greenlet"),
    2: ("tests/typing", "test_typing", "test_mypy_finds_what_is_wrong_and_nothing_else"),
    3: (MACHINE, "test_db_many", "test_processes_that_read_and_write_back_lose_no_update"),
    4: (HERE, "test_sqlite", "test_every_connection_of_a_thread_is_set_up"),
    5: (MACHINE, "test_db_disk", "test_a_row_is_stored_in_a_tenth_of_the_time"),
    6: (MACHINE, "test_db_transactions", "test_a_read_is_one_round_trip_and_a_write_at_most_four"),
    7: (
        MACHINE,
        "test_db_promises",
        "test_a_body_that_is_streamed_leaves_no_transaction_open_between_its_reads",
    ),
    8: (HERE, "test_sessions", "test_a_teardown_that_fails_does_not_pass_a_session_on"),
    9: (HERE, "test_sessions", "test_a_context_inside_of_another_has_its_own_session"),
    10: (HERE, "test_transactions", "test_a_commit_that_fails_is_a_500_and_never_a_success"),
    11: (HERE, "test_transactions", "test_an_error_undoes_all_of_it"),
    12: (HERE, "test_commits", "test_it_is_not_called_when_the_transaction_fails"),
    13: (MACHINE, "test_db_transactions", "test_a_serialization_failure_is_tried_again"),
    14: (MACHINE, "test_db_postgres", "test_a_connection_that_was_cut_while_idle_is_replaced"),
    15: (MACHINE, "test_db_postgres", "test_a_connection_that_was_cut_a_moment_ago_is_replaced"),
    16: (MACHINE, "test_db_load", "test_forty_slow_views_find_forty_connections"),
    17: (MACHINE, "test_db_load", "test_streams_that_wait_hold_no_connection"),
    18: (MACHINE, "test_db_load", "test_tasks_that_are_cancelled_amid_a_query_leak_nothing"),
    19: (MACHINE, "test_db_many", "test_tasks_that_share_the_session_of_a_request_take_turns"),
    20: (HERE, "test_sessions", "test_attributes_can_be_read_after_the_commit"),
    21: (HERE, "test_sessions", "test_what_is_committed_is_there_for_the_next_request"),
    22: (MACHINE, "test_db_postgres", "test_a_forked_child_opens_its_own_connections"),
    23: (HERE, "test_threads", "test_requests_read_and_write_side_by_side"),
    24: (HERE, "test_pages", "test_nobody_gets_more_rows_than_the_view_allows"),
    25: (MACHINE, "test_db_promises", "test_page_fifty_thousand_costs_what_the_first_does"),
    26: (HERE, "test_seeing", "test_loading_one_by_one_is_logged_with_name_place_and_count"),
    27: (HERE, "test_seeing", "test_slow_queries_are_logged_without_their_values"),
    28: (MACHINE, "test_db_promises", "test_a_password_is_shown_nowhere"),
    29: (MACHINE, "test_db_transactions", "test_a_row_that_is_refused_shows_no_value"),
    30: (MACHINE, "test_db_migrations", "test_processes_that_upgrade_at_once_all_succeed"),
    31: (HERE, "test_migrations", "test_changing_a_table_keeps_the_rows_that_refer_to_it"),
    32: (MACHINE, "test_db_migrations", "test_a_migration_that_fails_midway_leaves_nothing"),
    33: (HERE, "test_migrations", "test_upgrade_in_a_process_leaves_its_loggers_alone"),
    34: (HERE, "test_migrations", "test_models_that_differ_are_named"),
    35: (HERE, "test_migrations", "test_without_models_it_says_where_it_looked"),
    36: (HERE, "test_migrations", "test_a_second_database_is_added_later"),
    37: (HERE, "test_migrations", "test_a_renamed_column_is_not_dropped"),
    38: (
        MACHINE,
        "test_db_migrations",
        "test_new_members_of_an_enum_of_the_server_are_found_and_can_be_taken_back",
    ),
    39: (HERE, "test_migrations", "test_steps_that_hold_up_a_busy_database_are_found"),
    40: (
        HERE,
        "test_migrations",
        "test_sql_can_be_printed_without_a_database_and_without_a_password",
    ),
    41: (MACHINE, "test_db_sandbox", "test_it_costs_a_fraction_of_what_twenty_tables_do"),
    42: (HERE, "test_sandbox", "test_what_waits_for_a_commit_can_be_looked_at"),
    43: (MACHINE, "test_db_replicas", "test_a_request_reads_from_one_replica_until_it_writes"),
    44: (MACHINE, "test_db_migrations", "test_tenants_are_schemas_with_migrations_of_their_own"),
    45: (
        MACHINE,
        "test_db_promises",
        "test_a_server_that_says_nothing_makes_the_process_unready_in_time",
    ),
    46: (HERE, "test_costs", "test_a_session_without_queries_costs_little_more_than_being_made"),
    47: (MACHINE, "test_db_migrations", "test_from_sqlite_to_postgres"),
    48: (HERE, "test_bulk", "test_an_upsert_tells_what_is_new"),
}


def test_every_promise_is_accounted_for():
    assert HELD.keys() == set(range(1, 49))


@pytest.mark.parametrize("number", HELD)
def test_the_test_that_holds_it_is_there(number):
    folder, module, name = HELD[number]
    assert name in names_in(folder, module)
