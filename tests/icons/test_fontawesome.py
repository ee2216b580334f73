from __future__ import annotations

import pytest

from vqanim.icons import UnknownIcon, find_icon, icon_figure, license, search_icons
from vqanim.icons.fontawesome import FONTS, font_path, load_catalogue


@pytest.mark.parametrize(
    ("text", "full_name"),
    [
        ("fas fa-eye", "fas fa-eye"),
        ("fa-solid fa-eye", "fas fa-eye"),
        ("far fa-eye", "far fa-eye"),
        ("regular eye", "far fa-eye"),
        ("fab fa-twitter", "fab fa-twitter"),
        ("twitter", "fab fa-twitter"),
        ("fa-robot", "fas fa-robot"),
        ("  Fa-Robot ", "fas fa-robot"),
        ("thumbs up", "fas fa-thumbs-up"),
        ("thumbs_up", "fas fa-thumbs-up"),
        ("fas fa-hamburger", "fas fa-burger"),  # an alias
        ("fa fa-heart-o", "far fa-heart"),  # a name of version 4, which had the style in the name
        ("fas fa-heart-o", "fas fa-heart"),
        ("glass", "fas fa-martini-glass-empty"),
        ("0", "fas fa-0"),
    ],
)
def test_names_as_people_write_them(text: str, full_name: str) -> None:
    icon, style = find_icon(text)
    assert icon.full_name(style) == full_name
    assert icon_figure(text) == icon_figure(full_name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("robbot", "there is no icon 'robbot', did you mean 'robot'"),
        ("fab fa-twiter", "did you mean 'twitter'"),
        ("bird", "'kiwi-bird'"),
        ("far fa-twitter", "there is no regular icon 'twitter', did you mean fab fa-twitter"),
        ("fal fa-eye", "'fal' is a style of Font Awesome Pro, free are fas, far, fab"),
        ("qqqqqqqq", "Font Awesome Free has 1885"),
        ("", "there is no icon ''"),
        ("x" * 5000, "xxx...'"),
    ],
)
def test_a_miss_names_what_is_near(text: str, said: str) -> None:
    with pytest.raises(UnknownIcon) as caught:
        find_icon(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


def test_searching_finds_words_in_names_labels_and_terms() -> None:
    found = [icon.name for icon in search_icons("bird")]
    assert found[0] == "kiwi-bird"
    assert {"crow", "dove", "feather"} <= set(found)
    assert search_icons("eye")[0].name == "eye"
    assert {icon.name for icon in search_icons("Social Tweet")} == {"twitter", "square-twitter"}
    assert search_icons("qqqqqqqq") == []
    assert search_icons("!?") == []


def test_every_icon_has_a_free_style_an_outline_of_its_own_and_every_style_a_font() -> None:
    icons = load_catalogue().icons.values()
    assert len(icons) > 1500
    assert all(icon.styles and set(icon.styles) <= set(FONTS) for icon in icons)
    assert all(font_path(style).is_file() for style in FONTS)
    eye = load_catalogue().icons["eye"]
    assert eye.outlines["solid"] != eye.outlines["regular"]


def test_the_license_is_that_of_the_package() -> None:
    assert license().startswith("Font Awesome Free ")
    assert "CC BY 4.0" in license()
    assert "SIL OFL 1.1" in license()
