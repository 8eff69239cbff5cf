from __future__ import annotations

import pytest

from triptych.jobs.redaction import make_redactor

KEY = "-----BEGIN KEY-----\nMIIEvQIBADAN/Bgkq+hkiG9w0\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIIEvQIBADAN/Bgkq+hkiG9w0", "***"),  # a line of a secret of several
        ("?x=MIIEvQIBADAN%2FBgkq%2BhkiG9w0", "?x=***"),
        (r'{"p": "say \"sesame\""}', r'{"p": "***"}'),
        ("View run at http://127.0.0.1:5000/#/experiments/1", "View run at http://127.0.0.1:5000/#/experiments/1"),
        ("http://host:80/?to=a@b.c", "http://host:80/?to=a@b.c"),
        ("postgresql://me:pass+w@host/db", "postgresql://me:***@host/db"),
        ("redis://:passw@host", "redis://:***@host"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ***"),
        ("https://x/y?sig=abc%2F1&x=2", "https://x/y?sig=***&x=2"),
    ],
)
def test_secrets_are_taken_out_and_nothing_else(text: str, expected: str) -> None:
    redact = make_redactor({"SIGNING_KEY": KEY, "DB_PASSWORD": 'say "sesame"', "PWD": "/a/folder"})
    assert redact(text) == expected
