"""Tables for terminals stand straight in every script."""

import pytest

from celery_ops.management.tables import table, width_of


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("queue", 5),
        ("キュー", 6),
        ("队列", 4),
        ("ﾃｽﾄ", 3),
        ("Größe", 5),
        ("Gro\u0308ße", 5),
        ("\u0e17\u0e35\u0e48", 1),
        ("a\u200bb", 2),
        ("①", 1),
        ("", 0),
    ],
)
def test_a_wide_character_takes_two_columns_and_one_that_combines_none(text, width):
    assert width_of(text) == width


def test_columns_stand_below_each_other_in_any_script():
    lines = list(table(("名前", "件数", "状態"), [("mail", 3, "応答なし"), ("メール", 12, "ok")]))
    assert lines == [
        "名前    件数  状態",
        "mail       3  応答なし",
        "メール    12  ok",
    ]
