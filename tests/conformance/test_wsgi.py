"""What the checkers of the field say about our WSGI.

See wsgi_checkers.py for what they take for mistakes that are none.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.wsgi_checkers import CHECKERS

ROOT = Path(__file__).resolve().parents[2]
CORE_TESTS = "packages/framework/tests"
#: Tests whose findings are right all the same, which the checkers raise instead of warning.
NOT_OURS = [
    # RFC 9110 section 15.3.5, as in wsgi_checkers.py.
    "test_gateways.py::test_head_and_204_have_no_body_and_still_close_the_stream",
    "test_short_ways.py::test_an_answer_without_a_body_has_its_cookie_and_no_length",
    "test_security.py::test_the_second_answer_with_the_same_names_has_the_same_fields",
    # The same, and section 8.3: a response may be without a Content-Type.
    "test_compression.py::test_what_has_no_type_or_no_content_is_sent_as_it_is",
    # The server in front sends the body of that length (X-Sendfile).
    "test_staticfiles.py::test_the_server_may_send_static_files",
    # It closes a long body that it has not read.
    "test_staticfiles.py::test_a_condition_that_fails_for_one_client_is_kept_for_nobody",
    # Mounted applications of others, which send no Content-Type (RFC 9110 section 8.3: they may).
    "test_mounts.py",
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("checker", CHECKERS)
def test_what_the_wsgi_test_client_does_is_right(checker):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conformance.wsgi_checkers"]
    command += ["--wsgi-checker", checker, "-k", "wsgi", "--tb=short", "-p", "no:cacheprovider"]
    command += ["--ignore", f"{CORE_TESTS}/security"]  # they play the server themselves
    for test in NOT_OURS:
        command += ["--deselect", f"{CORE_TESTS}/{test}"]
    done = subprocess.run(
        [*command, CORE_TESTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-20_000:]
