"""A schedule in plain words: crontabs by cron-descriptor, all else by us. What cannot be worded is empty.

Who writes a crontab may write anything, so only what is short and simple is handed on. What it comes to is taken from
Celery, which has parsed it: cron-descriptor would word a range that wraps around, or a step of a step, as it stands.
"""

import re
from collections.abc import Collection
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from celery import schedules
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from ..formatting import clean
from ..logs import get_logger, is_new
from ..timezones import aware, local

logger = get_logger("celery_ops.schedules")

#: Characters of one part of a crontab, and values of one that is no pattern, that are worded; characters of all words.
LONGEST_PART: Final = 60
MOST_VALUES: Final = 12
LONGEST_WORDS: Final = 250
#: Characters of a schedule as Celery prints it.
LONGEST_EXPRESSION: Final = 200
#: A part that cron-descriptor words as Celery means it.
_SIMPLE: Final = re.compile(r"\*/\d{1,2}|\d{1,2}(?:-\d{1,2}(?:/\d{1,2})?)?(?:,\d{1,2}(?:-\d{1,2}(?:/\d{1,2})?)?)*")
_WRAPS: Final = re.compile(r"(\d+)-(\d+)")
#: What cron-descriptor calls English.
ENGLISH: Final = "en_US"
#: What Celery calls the events of the sun.
_SUN: Final = {
    "dawn_astronomical": gettext_lazy("astronomical dawn"),
    "dawn_civil": gettext_lazy("civil dawn"),
    "dawn_nautical": gettext_lazy("nautical dawn"),
    "dusk_astronomical": gettext_lazy("astronomical dusk"),
    "dusk_civil": gettext_lazy("civil dusk"),
    "dusk_nautical": gettext_lazy("nautical dusk"),
    "solar_noon": gettext_lazy("solar noon"),
    "sunrise": gettext_lazy("sunrise"),
    "sunset": gettext_lazy("sunset"),
}
_UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def expression(schedule: Any) -> str:
    """Return a schedule as Celery prints it, in one line and not too long; a crontab as its five parts."""
    if isinstance(schedule, schedules.crontab):
        text = " ".join(_text(part) for part in _parts(schedule))
        return clean(text, LONGEST_EXPRESSION)
    try:
        return clean(" ".join(repr(schedule).split()), LONGEST_EXPRESSION)
    except Exception:  # a schedule of the site's own
        return type(schedule).__name__


def words(schedule: Any) -> str:
    """Return what a schedule says in the language of the reader, empty where it cannot be worded. Never raises."""
    try:
        return _words(schedule)[:LONGEST_WORDS]
    except Exception as error:
        if is_new("words of a schedule", type(schedule), type(error)):
            logger.debug("A schedule cannot be worded", exc_info=True)
        return ""


def _words(schedule: Any) -> str:
    if isinstance(schedule, schedules.crontab):
        text = _crontab(schedule)
        return f"{text}, {schedule.tz}" if text and _is_elsewhere(schedule) else text
    if isinstance(schedule, schedules.solar):
        place = {"event": str(_SUN[schedule.event]), "lat": schedule.lat, "lon": schedule.lon}
        return _("At %(event)s at %(lat)s, %(lon)s") % place
    if isinstance(schedule, schedules.schedule):
        return every(schedule.run_every, is_rounded=schedule.relative)
    if (moment := getattr(schedule, "clocked_time", None)) is not None:
        return _("Once, at %(time)s") % {"time": f"{local(aware(moment)):%Y-%m-%d %H:%M:%S %Z}"}
    return ""


def every(length: timedelta, *, is_rounded: bool = False) -> str:
    """Return how often something happens that comes again after this time."""
    seconds = length.total_seconds()
    if seconds < 1:
        if seconds <= 0:
            return _("All the time")
        return ngettext("Every second", "Every %(n)s seconds", 2) % {"n": number_format(seconds)}
    unit, name = next((unit, name) for unit, name in _UNITS if seconds % unit == 0 or unit == 1)
    number = int(seconds // unit) if seconds % unit == 0 else 0
    phrases = {
        "day": ngettext("Every day", "Every %(n)s days", number),
        "hour": ngettext("Every hour", "Every %(n)s hours", number),
        "minute": ngettext("Every minute", "Every %(n)s minutes", number),
        "second": ngettext("Every second", "Every %(n)s seconds", number or 2),
    }
    text = phrases[name] % {"n": number_format(number or round(seconds, 3))}
    return _("%(every)s, on the full unit") % {"every": text} if is_rounded else text


# -- crontabs ---------------------------------------------------------------------------------------------------------


def _parts(schedule: Any) -> tuple[Any, ...]:
    return (
        schedule._orig_minute,
        schedule._orig_hour,
        schedule._orig_day_of_month,
        schedule._orig_month_of_year,
        schedule._orig_day_of_week,
    )


def _text(part: Any) -> str:
    """Return a part as it was written; a list of its values where it was one."""
    if isinstance(part, str):
        return "".join(part[: LONGEST_EXPRESSION + 1].split()) or "*"
    if isinstance(part, Collection):
        return ",".join(str(value) for value in sorted(part, key=str)[: LONGEST_EXPRESSION + 1])
    return str(part)


def _crontab(schedule: Any) -> str:
    sets = (schedule.minute, schedule.hour, schedule.day_of_month, schedule.month_of_year, schedule.day_of_week)
    sizes = (60, 24, 31, 12, 7)
    parts = [_worded(part, values, size) for part, values, size in zip(_parts(schedule), sets, sizes, strict=True)]
    if None in parts:
        return ""
    return _described(tuple(parts), get_language() or "en")


def _worded(part: Any, values: Collection[int], size: int) -> str | None:
    """Return a part as it is to be worded, None where it is not."""
    if len(values) == size:
        return "*"
    if isinstance(part, str):
        text = part.replace(" ", "") if len(part) <= 2 * LONGEST_PART else ""
        wraps = any(int(first) > int(last) for first, last in _WRAPS.findall(text[:LONGEST_PART]))
        if len(text) <= LONGEST_PART and _SIMPLE.fullmatch(text) and not wraps and text.count(",") < MOST_VALUES:
            return text
    first, last = min(values), max(values)
    if len(values) > 2 and last - first == len(values) - 1:
        return f"{first}-{last}"
    return ",".join(map(str, sorted(values))) if len(values) <= MOST_VALUES else None


@lru_cache(maxsize=4096)
def _described(parts: tuple[str, ...], language: str) -> str:
    """A day has to be one of the month's and one of the week's; cron-descriptor 2 says "or", as Unix's cron means it.

    So the two are worded apart.
    """
    from cron_descriptor import DescriptionTypeEnum, Options, get_description

    minute, hour, day, month, weekday = parts
    options = Options()
    options.use_24hour_time_format = True
    locale = _locale(language)
    options.locale_code = locale or ENGLISH  # else the library takes the process's own
    whole = get_description(" ".join((minute, hour, day, month, "*" if day != "*" else weekday)), options)
    if day != "*" and weekday != "*":
        of_week = f"{minute} {hour} * {month} {weekday}"
        from cron_descriptor import ExpressionDescriptor

        whole += ExpressionDescriptor(of_week, options).get_description(DescriptionTypeEnum.DAYOFWEEK)
    return _smooth(_localised(whole), language) if locale else whole


@lru_cache(maxsize=32)
def _locale(language: str) -> str:
    """Return the library's locale of a language, empty where it has none: then the words are English."""
    from importlib.resources import files

    first = language.partition("-")[0].lower()
    if first == "en":
        return ""
    names = sorted(folder.name for folder in files("cron_descriptor").joinpath("locale").iterdir())
    return next((name[: -len(".mo")] for name in names if name.startswith(f"{first}_") and name.endswith(".mo")), "")


def _localised(text: str) -> str:
    """The library leaves the names of days and months to the system's locale, which is none."""
    names = {_ENGLISH_DAYS[number]: str(name) for number, name in WEEKDAYS.items()}
    names |= {_ENGLISH_MONTHS[number - 1]: str(name) for number, name in MONTHS.items()}
    return _NAMES.sub(lambda match: names[match[0]], text)


def _smooth(text: str, language: str) -> str:
    for clumsy, plain in _SMOOTHED.get(language.partition("-")[0].lower(), ()):
        text = text.replace(clumsy, plain)
    return text


#: What the library says word for word after the English, and in English punctuation.
_SMOOTHED: Final = {
    "ja": (
        *(("次において実施 ", ""), (", ", "\u3001"), ("\u3001毎時", "")),
        *((" でのみ", "のみ"), (" にのみ", "のみ"), ("月の ", "毎月 "), (" 日目", " 日")),
    ),
    "zh": (("仅在 ", "仅在"), (", ", "\uff0c")),
}
_ENGLISH_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NAMES: Final = re.compile(rf"\b(?:{'|'.join((*_ENGLISH_DAYS, *_ENGLISH_MONTHS))})\b")


def _is_elsewhere(schedule: Any) -> bool:
    """Whether a crontab goes by another time zone than the reader."""
    return str(schedule.tz) != str(timezone.get_current_timezone())
