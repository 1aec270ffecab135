"""Each language has room where it is shown."""

import pytest
from django.urls import reverse
from django.utils.translation import to_language

from tests.languages.test_catalogues import CATALOGUES
from tests.panels.test_matrix import Scene, _known, actors  # noqa: F401 - fixtures are among them
from tests.shop.models import Order

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

LANGUAGES = ["en", *(to_language(path.parts[-3]) for path in CATALOGUES)]
MEASURE = """() => {
  const nav = document.querySelector(".celery-ops-nav"), tools = document.querySelector(".celery-ops-tools");
  const search = document.querySelector("main input[type=search]"), style = getComputedStyle(search);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = search.clientWidth - 2 * parseFloat(style.paddingLeft);
  return {
    "hidden part of the navigation": nav.scrollWidth - nav.clientWidth,
    "lines": tools.getBoundingClientRect().top < nav.getBoundingClientRect().bottom ? 1 : 2,
    "says what may be searched for": pen.measureText(search.placeholder).width <= room,
  };
}"""

HEADS = """() => [...document.querySelectorAll("thead th")].map((head) => {
  const text = document.createRange();
  text.selectNodeContents(head.querySelector("a") ?? head);
  return Math.round(text.getBoundingClientRect().bottom);
})"""


@pytest.fixture
def scene(db, actors):  # noqa: F811 - a fixture
    return Scene(actors["superuser"], Order.objects.create(reference="A-1"))


@pytest.mark.parametrize("width", [1400, 1100])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bar_is_one_line_and_the_search_says_what_it_takes(language, width, settings, scene, screen):
    settings.LANGUAGE_CODE = language
    screen.page.set_viewport_size({"width": width, "height": 900})
    page = screen.show(scene.client, reverse("celery_ops:task-list"))
    assert page.evaluate(MEASURE) == {
        "hidden part of the navigation": 0,
        "lines": 1,
        "says what may be searched for": True,
    }


@pytest.mark.parametrize("language", ["en", "de"])
def test_heads_of_columns_end_on_one_line_whether_they_sort_or_not(language, settings, scene, screen):
    settings.LANGUAGE_CODE = language
    screen.page.set_viewport_size({"width": 1100, "height": 900})
    heads = screen.show(scene.client, reverse("celery_ops:schedule-list")).evaluate(HEADS)
    assert len(heads) > 4
    assert len(set(heads)) == 1
