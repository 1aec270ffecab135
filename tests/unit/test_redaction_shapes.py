"""What is hidden for what it looks like, by a short name, or in a command line; and what looks alike and stays.

The keys are put together here from parts, so that nothing which looks for leaked keys takes them for real ones.
"""

import json

import pytest

from celery_ops.redaction import REDACTED, Captured, capture_arguments, capture_text, capture_value, secrets_of

MIXED = "a1B2" * 18
CAPITALS = "A1B2" * 4
SMALL_HEX = "0a1b2c3d" * 8

#: A key of each format that ``shapes.KEYS`` knows, by its maker and the letters with which it begins.
KEYS = {
    **{
        f"AWS {kind}": "A" + kind + CAPITALS for kind in ["KIA", "SIA", "ROA", "IDA", "GPA", "NPA", "NVA", "BIA", "CCA"]
    },
    "Google API": "AI" + "za" + MIXED[:35],
    "Google client": "GOC" + "SPX-" + MIXED[:28],
    "Google access": "ya" + "29." + MIXED[:40],
    **{f"GitHub gh{kind}_": f"gh{kind}" + "_" + MIXED[:36] for kind in "oprsu"},
    "GitHub fine-grained": "github" + "_pat_" + MIXED[:22] + "_" + MIXED[:59],
    **{f"GitLab {kind}": f"gl{kind}" + "-" + MIXED[:20] for kind in ["pat", "ptt", "dt", "rt", "cbt", "soat"]},
    **{f"Slack {kind}": f"xox{kind}" + "-" + "12345678-" + MIXED[:16] for kind in "abprs"},
    "Slack app": "xapp" + "-1-" + MIXED[:20],
    "Slack webhook": "hooks.slack" + ".com/services/T0A1B2C3/B0A1B2C3/" + MIXED[:24],
    **{
        f"Stripe {kind}_{mode}": f"{kind}_" + f"{mode}_" + MIXED[:24]
        for kind in ("pk", "rk", "sk")
        for mode in ("live", "test")
    },
    "Stripe webhook": "wh" + "sec_" + MIXED[:32],
    "Anthropic": "sk-" + "ant-api03-" + MIXED[:40],
    **{f"OpenAI {kind}": "sk-" + f"{kind}-" + MIXED[:40] for kind in ("proj", "svcacct", "admin")},
    "SendGrid": "SG" + "." + MIXED[:22] + "." + MIXED[:43],
    "npm": "npm" + "_" + MIXED[:36],
    "PyPI": "pypi" + "-" + MIXED[:60],
    "Hugging Face": "hf" + "_" + "aBcD" * 9,
    "Square": "sq0" + "csp-" + MIXED[:40],
    **{f"Shopify {kind}": f"shp{kind}" + "_" + SMALL_HEX[:32] for kind in ("at", "ca", "pa", "ss")},
    **{f"DigitalOcean {kind}": f"do{kind}" + "_v1_" + SMALL_HEX for kind in "opr"},
}

#: Each of another country and length, from the registry's examples.
IBANS = (
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
)

RANDOM = {
    "hexadecimal of 48": SMALL_HEX[:48],
    "hexadecimal of 64": SMALL_HEX,
    "hexadecimal in capitals": SMALL_HEX.upper(),
    "base64": "q7Rk2ZpX9vLw4TnB8sYc3HdM6gJf1KaE5uNtQx0W" + "==",
    "URL-safe base64": "q7Rk2ZpX9-Lw4TnB8s_c3HdM6gJf1KaE5uNtQx0W",
    "base64 with slashes": "q7Rk2ZpX9/Lw4TnB8s+c3HdM6gJf1KaE5uNtQx0W",
}

SHAPES = {**KEYS, **{f"IBAN {iban[:2]}": iban for iban in IBANS}, **RANDOM}

every_shape = pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)


def arguments(*args, parameters=(), **kwargs):
    return json.loads(capture_arguments(args, kwargs, parameters=parameters).text)


def leaks(secret, text):
    """Whether a text shows more of a secret than how it begins."""
    return secret[4:] in text or secret[-8:].rstrip("=") in text


# What is hidden by its looks


@every_shape
def test_a_secret_that_is_the_whole_value_does_not_show(secret):
    assert arguments(secret, value=[secret]) == {"args": [REDACTED], "kwargs": {"value": [REDACTED]}}


@every_shape
def test_a_secret_in_a_sentence_does_not_show_and_the_sentence_does(secret):
    shown = capture_text(f"the customer gave {secret}, and we said no").text
    assert not leaks(secret, shown)
    assert (shown[:18], shown[-16:]) == ("the customer gave ", ", and we said no")


@every_shape
def test_a_secret_in_json_text_does_not_show_and_the_json_stays_json(secret):
    text = json.dumps({"note": f"got {secret}", "order": 7})
    assert json.loads(capture_text(text).text) == {"note": f"got {REDACTED}", "order": 7}


@every_shape
def test_a_secret_after_an_escaped_line_break_does_not_show(secret):
    assert not leaks(secret, capture_text(repr(f"first\n{secret}\nlast")).text)


@every_shape
def test_a_secret_of_one_argument_shows_in_no_other_value(secret):
    assert secret in secrets_of((f"got {secret}",), {})
    assert not leaks(secret, capture_arguments((f"got {secret}", secret), {"again": {"a": secret}}).text)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_in_a_shell_command_does_not_show(key):
    shown = capture_text(f"deploy --with {key} --now").text
    assert not leaks(key, shown)
    assert shown.endswith(" --now")


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("tail", [False, True])
def test_a_key_across_the_cut_does_not_show(key, tail):
    text = f"{'. ' * 5000}{key}{' .' * 1015}" if tail else f"{'. ' * 1015}{key}{' .' * 5000}"
    assert not leaks(key, capture_text(text, tail=tail).text)


def test_an_iban_in_groups_of_four_does_not_show():
    assert capture_text("to DE89 3704 0044 0532 0130 00, thanks").text == f"to {REDACTED}, thanks"


@pytest.mark.parametrize("iban", IBANS)
def test_an_iban_with_a_wrong_check_sum_shows(iban):
    wrong = f"{iban[:2]}{(int(iban[2:4]) + 1) % 97:02}{iban[4:]}"
    assert capture_text(f"to {wrong}") == Captured(f"to {wrong}", True)


# Command lines


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("mysql -u root -phunter2 shop", f"mysql -u root -p{REDACTED} shop"),
        ("/usr/bin/mysqldump -phunter2 shop > x", f"/usr/bin/mysqldump -p{REDACTED} shop > x"),
        ("mariadb -p'hunter2'", f"mariadb -p'{REDACTED}'"),
        ("sshpass -p hunter2 ssh host", f"sshpass -p {REDACTED} ssh host"),
        ("redis-cli -a hunter2 ping", f"redis-cli -a {REDACTED} ping"),
        ("curl -u me:hunter2 https://x.example", f"curl -u {REDACTED} https://x.example"),
        ("login --password hunter2 --force", f"login --password {REDACTED} --force"),
        ("login --password=hunter2 --force", f"login --password={REDACTED} --force"),
        ("login --api-token 'hunter2'", f"login --api-token '{REDACTED}'"),
    ],
)
def test_a_password_in_a_command_line_does_not_show(command, shown):
    assert capture_text(command).text == shown
    assert arguments(command)["args"] == [shown]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["login", "--token", "hunter2"], ["login", "--token", REDACTED]),
        (("login", "--token", "hunter2", "x"), ["login", "--token", REDACTED, "x"]),
        (["login", "--token=hunter2"], ["login", f"--token={REDACTED}"]),
        (["mysql", "-phunter2", "shop"], ["mysql", REDACTED, "shop"]),
        (["/usr/bin/redis-cli", "-a", "hunter2"], ["/usr/bin/redis-cli", "-a", REDACTED]),
        (["login", "--token", "--force", "x"], ["login", "--token", "--force", "x"]),
        (["cp", "-p", "a.txt", "b.txt"], ["cp", "-p", "a.txt", "b.txt"]),
    ],
)
def test_a_password_in_a_list_of_words_does_not_show(words, shown):
    assert arguments(words)["args"] == [shown]


def test_a_password_in_a_list_of_words_is_known_where_it_is_repeated():
    words = ["login", "--token", "swordfish"]
    assert arguments(words, "swordfish again") == {"args": [[*words[:2], REDACTED], f"{REDACTED} again"], "kwargs": {}}


def test_a_list_of_words_in_a_text_does_not_show_its_password():
    assert "hunter2" not in capture_text("failed: ['login', '--token', 'hunter2']").text


@pytest.mark.parametrize("command", ["cp -p a.txt b.txt", "mkdir -p /srv/shop", "ls -a /srv", "sort -u names.txt"])
def test_an_option_of_another_program_shows(command):
    assert capture_text(command) == Captured(command, True)


# Names


@pytest.mark.parametrize(
    "name",
    [
        *("pwd", "PWD", "smtp_pwd", "userPwd", "otp", "otp_code", "userOtp", "pin", "card-pin", "user_pin", "pinCode"),
        *("PIN", "credential", "credentials", "aws_credentials"),
    ],
)
def test_a_short_name_hides_its_value(name):
    assert arguments(**{name: "4711x"})["kwargs"] == {name: REDACTED}
    assert arguments({name: "4711x"})["args"] == [{name: REDACTED}]
    assert "4711x" not in capture_text(f"{name}=4711x").text
    assert "4711x" not in capture_text(json.dumps({name: "4711x"})).text


@pytest.mark.parametrize("name", ["shipping", "opinion", "spin", "pinned", "option", "pint", "stop", "Pinterest"])
def test_a_word_that_only_contains_a_short_name_shows(name):
    assert arguments(**{name: "4711x"})["kwargs"] == {name: "4711x"}
    assert capture_text(f"{name}=4711x") == Captured(f"{name}=4711x", True)


# What one argument hides, no other shows


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {"password": "swordfish", "note": "it was swordfish"}),
        (("it was swordfish",), {"password": "swordfish"}),
        ((["it", {"was": "swordfish"}],), {"login": {"password": "swordfish"}}),
        (("redis://me:swordfish@host", "swordfish"), {}),
        (("redis://:swordfish@host", "swordfish"), {}),
        (("password=swordfish", "swordfish"), {}),
        (("words, " * 700 + "swordfish", "x" * 2040 + "swordfish"), {"password": "swordfish"}),
    ],
)
def test_an_argument_that_repeats_anothers_secret_does_not_show_it(args, kwargs):
    assert "swordfish" not in capture_arguments(args, kwargs).text


@pytest.mark.parametrize(
    "value",
    [
        [*range(30), {"password": "swordfish"}],
        {**{f"field_{n}": n for n in range(30)}, "password": "swordfish"},
        {"a": {"b": {"c": {"d": {"e": {"f": {"password": "swordfish"}}}}}}},
    ],
    ids=["in a long list", "in a long dict", "deep inside"],
)
def test_a_secret_beyond_what_is_kept_shows_nowhere_else(value):
    assert "swordfish" not in capture_arguments(("it was swordfish", value), {}).text
    assert "swordfish" not in capture_arguments(("it was swordfish",), {"value": value}).text


def test_a_number_that_repeats_anothers_secret_does_not_show():
    assert arguments(order=471100, pin=471100)["kwargs"] == {"order": REDACTED, "pin": REDACTED}


# What stays readable


@pytest.mark.parametrize(
    "text",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "celery-task-meta-550e8400-e29b-41d4-a716-446655440000",
        "550E8400-E29B-41D4-A716-446655440000",
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "da39a3e",
        "sha256:" + SMALL_HEX,
        "shop@sha256:" + SMALL_HEX,
        "sha512-" + SMALL_HEX * 2,
        "ORD-2026-000123",
        "INV-2026-01-15-00042-DE",
        "RE/2026/00042",
        "shop.tasks.process_payment",
        "shop.billing.tasks.send_invoice_reminders_for_unpaid_orders",
        "ShopBillingTasksSendInvoiceRemindersForUnpaidOrders2026",
        "shop/static/images/products/2026/01/very-long-product-name-in-red.jpg",
        "https://shop.example/orders/2026/?page=5&sort=-created",
        "https://shop.example:8000/orders/very-long-name-of-a-product-in-red-and-blue-2026/",
        "s3://shop-media-eu-central-1/invoices/2026/01/15/invoice-000123.pdf",
        "redis://redis:6379/0",
        "2026-01-15T12:30:00.123456+00:00",
        "2026-01-15 12:30:00",
        "20260115123000",
        "1768480200",
        "1768480200123",
        "1768480200123456",
        "1234567890123456789",
        "175928847299117063",
        "a sentence of ordinary words, and then some more of them",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
        "KeyError: 'order_id'",
        "jane@shop.example",
        "+49 30 901820",
    ],
)
def test_a_name_of_something_stays_readable(text):
    assert capture_text(text) == Captured(text, True)
    assert capture_text(f"about {text} again") == Captured(f"about {text} again", True)
    assert capture_arguments((text,), {}).exact


@pytest.mark.parametrize("text", ["2026-01-15 12:30:00", "1768480200123", "a:1", "shop:order:7", "ORD-2026-000123"])
def test_a_table_of_them_is_shown_to_its_end(text):
    table = [[text] * min(20, 90 // (len(text) + 4))] * 20
    assert capture_value(table) == Captured(json.dumps(table), True)


@pytest.mark.parametrize("number", [7, -1, 1768480200, 1768480200123, 175928847299117063, 1234567890123456789])
def test_an_id_or_a_time_that_is_a_number_stays_readable(number):
    assert capture_value(number) == Captured(str(number), True)
