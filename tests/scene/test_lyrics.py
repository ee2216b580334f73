"""Files of lyrics as people have them: formats, encodings, and what is wrong in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqanim.scene.lyrics import Lyrics, marker_names, read_lyrics, read_taps

HELLO = [(1.0, "Hello"), (3.0, "World")]
LRC = "[00:01.00]Hello\n[00:03.00]World\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n"


def lyrics_of(data: str | bytes, folder: Path, name: str = "song.txt") -> Lyrics:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_lyrics(path)


def lines(lyrics: Lyrics) -> list[tuple[float, str]]:
    return [(line.second, line.text) for line in lyrics.lines]


FORMS = {
    "lrc": LRC,
    "colons": "[00:01:00]Hello\n[00:03:00]World\n",
    "thousandths": "[00:01.000]Hello\n[0:03.0]World\n",
    "without fractions": "[00:01]Hello\n[00:03]World",
    "with a comma": "[00:01,00]Hello\n[00:03,00]World",
    "hours": "[00:00:01.00]Hello\n[00:00:03.00]World",
    "spaces": " [ 00:01.00 ]  Hello \n\n[00:03.00]\tWorld",
    "headers": f"[ti:A]\n[ar: B]\n[length: 03:12]\n#comment: none\n[re:x]\n[by:]\n{LRC}".replace(
        "#", "[#"
    ).replace("none", "none]"),
    "netease": '{"t":0,"c":[{"tx":"by: "},{"tx":"A"}]}\n{"t":1000,"c":[]}\n' + LRC,
    "milliseconds": "[1000,2000]Hello\n[3000,500]World",
    "yrc": "[1000,2000](1000,500,0)Hel(1500,10,0)lo\n[3000,500](3000,9,0)World",
    "cr": LRC.replace("\n", "\r"),
    "words below": "[00:01.00]\nHello\n\n[00:03.00]\nWorld\n",
    "words behind": SRT.replace("\nHello", " Hello").replace("\nWorld", " World"),
    "a mark alone": LRC.replace("[00:03", "[00:02.00]\n[00:03") + "[00:05.00]  \n",
    "offset late": "[00:01.50]Hello\n[offset: +500]\n[00:03.50]World\n",
    "offset first": "[offset:-500]\n[00:00.50]Hello\n[00:02.50]World\n",
    "srt": SRT,
    "srt in an lrc": SRT.replace("\n", "\r\n"),
    "no empty line": SRT.replace("\n\n", "\n"),
    "no numbers": SRT.replace("1\n00", "00").replace("2\n00", "00"),
    "no numbers, no empty line": SRT.replace("1\n00", "00").replace("\n2\n00", "00"),
    "wrong numbers": SRT.replace("2\n00:00:03", "7\n00:00:03").replace("\n\n", "\n"),
    "points": SRT.replace(",", "."),
    "no fractions": SRT.replace(",000", ""),
    "styles": SRT.replace("Hello", "{\\an8}<i>Hello</i>").replace(
        "World", '<font color="#fff">{\\i1}World</font>'
    ),
    "places": SRT.replace("02,000", "02,000 X1:1 X2:9 Y1:1 Y2:9"),
    "bom and cr": "\ufeff" + SRT.replace("\n", "\r"),
    "broken arrow": SRT.replace("-->", "->"),
    "empty lines": SRT.replace("Hello\n", "\nHello\n\n"),
    "vtt": "WEBVTT - a song\nKind: captions\n\nNOTE\nnothing\nto see\n\nSTYLE\n::cue { color: red }\n\n"
    "first verse\n00:01.000 --> 00:02.000 align:start line:0\n<v Anna>Hello\n\n"
    "00:00:03.000 --> 00:04.000\n<c.yellow>World</c>\n\nNOTE the end\n",
    "vtt with entities": "WEBVTT\n\n00:01.000 --> 00:02\nHello\n\n00:03.000 --> 00:04.000\n&nbsp;World",
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_that_say_the_same(form: str, tmp_path: Path) -> None:
    lyrics = lyrics_of(FORMS[form], tmp_path)
    assert lines(lyrics) == HELLO
    assert lyrics.warnings == ()


def test_times_on_one_line_and_an_empty_line_within_a_caption(tmp_path: Path) -> None:
    assert lines(lyrics_of("[00:04.5] [01:00.00]Again!\n[00:02.00]Now", tmp_path)) == [
        (2.0, "Now"),
        (4.5, "Again!"),
        (60.0, "Again!"),
    ]
    text = SRT.replace("Hello", "Hello,\n\nmy\n\n\nfriend")
    assert lines(lyrics_of(text, tmp_path)) == [(1.0, "Hello, my friend"), (3.0, "World")]
    assert lines(lyrics_of("[00:01.00]Hello\u2028my\u0085friend", tmp_path)) == [(1.0, "Hello my friend")]
    counted = "00:00:01,000 --> 00:00:02,000\nin\n1999\n\n00:00:03,000 --> 00:00:04,000\n7\n"
    assert lines(lyrics_of(counted, tmp_path)) == [(1.0, "in 1999"), (3.0, "7")]


WORDS = {
    "brackets": "[00:01.00]Hello[00:01.50] dark[00:02.00]ness",
    "angles": "[00:01.00]<00:01.00>Hello <00:01.50>dark<00:02.00>ness<00:03.00>",
    "a word before": "[00:01.00]Hello <00:01.50>darkness",
    "offset": "[offset:250]\n[00:01.25]Hello <00:01.75>darkness",
    "yrc": "[1000,3000](1000,500,0)Hello (1500,500,0)dark(2000,900,0)ness",
    "krc": "[1000,3000]<1000,500,0>Hello <1500,500,0>dark<2000,900,0>ness",
    "qrc": "[1000,3000]Hello (1000,500)darkness(1500,900)",
    "vtt": "WEBVTT\n\n00:01.000 --> 00:03.000\nHello <00:00:01.500><c>dark</c><00:02.000><c>ness</c>\n",
}


@pytest.mark.parametrize("form", WORDS)
def test_times_within_a_line_are_those_of_words(form: str, tmp_path: Path) -> None:
    lyrics = lyrics_of(WORDS[form], tmp_path)
    assert lines(lyrics) == [(1.0, "Hello darkness")]
    assert lyrics.lines[0].words == ((1.0, "Hello"), (1.5, "darkness"))
    names = dict(marker_names(lyrics))
    assert names == {"line-1": 1, "line-1-word-1": 1, "line-1-word-2": 1.5, "hello-darkness": 1}


def test_words_of_a_line_that_comes_again_come_again(tmp_path: Path) -> None:
    lyrics = lyrics_of("[00:01.00][00:10.00]Hello <00:01.50>you", tmp_path)
    assert [line.words for line in lyrics.lines] == [
        ((1.0, "Hello"), (1.5, "you")),
        ((10.0, "Hello"), (10.5, "you")),
    ]


def test_titles_of_sections_are_markers(tmp_path: Path) -> None:
    text = "[Verse 1: Anna]\n[00:01.00]One\n[Chorus]\n[00:02.00]Two\n[Chorus]\n[00:03.00]Three\n"
    text += "[00:04.00][Music]\n"
    lyrics = lyrics_of(text, tmp_path)
    assert lyrics.warnings == ()
    names = dict(marker_names(lyrics))
    assert (names["verse-1"], names["chorus"], names["chorus-2"], names["music"]) == (1, 2, 3, 4)


DAMAGED = {
    "untimed": (LRC + "(a translation)\n", 3),
    "past 59": (LRC + "[00:75.00]b\n", 3),
    "no number": ("[00:0x.00]c\n" + LRC, 1),
    "offset": ("[offset:soon]\n" + LRC, 1),
    "srt": (SRT.replace("World\n", "World\n\n3\nsoon\nNever\n"), 10),
    "srt time": (SRT + "\n3\n00:00:71,000 --> 00:00:72,000\nNever\n", 10),
    "srt half a time": (SRT + "\n3\n00:05 00 --> 00:07\nNever\n", 10),
    "before all": ("What is this\n" + SRT, 1),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_line_is_left_out_with_a_warning(kind: str, tmp_path: Path) -> None:
    text, line = DAMAGED[kind]
    lyrics = lyrics_of(text, tmp_path)
    assert lines(lyrics) == HELLO
    (warning,) = lyrics.warnings
    assert warning.startswith(f"line {line}: ")


def test_many_damaged_lines_are_counted(tmp_path: Path) -> None:
    lyrics = lyrics_of(LRC + "nothing\n" * 100, tmp_path)
    assert len(lyrics.warnings) < 10
    assert "96 more" in lyrics.warnings[-1]


def test_a_file_without_any_line_is_refused_with_what_is_read(tmp_path: Path) -> None:
    for text in ("", "Hello\nWorld", "[ti:nothing]\n", "WEBVTT\n\nNOTE\nnothing", "1\nsoon\nHello"):
        with pytest.raises(ValueError, match=r"LRC.*SRT.*WebVTT"):
            lyrics_of(text, tmp_path)


ENCODINGS = {
    "utf-8-sig": "Жёлтая река",
    "utf-16": "Жёлтая река",
    "utf-32": "你好",
    "utf-16-le": "Straße",
    "utf-16-be": "君の名は",
    "cp1252": "Où est l'été déjà passé",
    "latin-1": "Straße über Mädchen",
    "cp1250": "Żółta łódź płynie przez mgłę",
    "cp1251": "Ночь, улица, фонарь, аптека",
    "koi8-r": "Ночь, улица, фонарь, аптека",
    "cp1253": "Το φεγγάρι κάνει βόλτα",
    "cp1254": "Güneş doğuyor şimdi, içimde bir ışık",
    "cp1257": "Šiandien žvaigždės šviečia",
    "gbk": "我和你心连心",
    "big5": "你問我愛你有多深",
    "shift-jis": "さくらさくら野山も里も",
    "euc-kr": "사랑해 당신을 정말로 사랑해",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding: str, tmp_path: Path) -> None:
    words = ENCODINGS[encoding]
    lyrics = lyrics_of(f"[00:01.00]{words}\n[00:03.00]la la\n".encode(encoding), tmp_path)
    assert lines(lyrics)[0] == (1.0, words)
    has_mark = encoding in ("utf-8-sig", "utf-16", "utf-32")
    assert len(lyrics.warnings) == (not has_mark)  # a guess is told


def test_a_damaged_byte_in_utf_8_spoils_one_sign(tmp_path: Path) -> None:
    data = "[00:01.00]Ночь, улица, фонарь, аптека\n".encode() + b"[00:02.00]a\xffb\n"
    lyrics = lyrics_of(data, tmp_path)
    assert lines(lyrics)[0][1].startswith("Ночь")
    assert len(lyrics.warnings) == 1


def test_taps_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "taps.txt").write_bytes("0.5 # schön\r\n1.25\r\n".encode("utf-16"))
    assert read_taps(tmp_path / "taps.txt") == [(1, 0.5), (2, 1.25)]


SCRAPS = """[00:01.00] [00:01 <00:01.5> 00:00:01,000 --> 00:00:02,000 1 2 WEBVTT NOTE [Chorus] [offset:5] { }
<i> (1,2) [1,2] {"t":0} \\N &amp; : [ ] < > -->""".split()


@settings(max_examples=150, deadline=None)
@given(scraps=st.lists(st.tuples(st.sampled_from(SCRAPS), st.sampled_from(("", " ", "\n", "\r\n", "\n\n")))))
def test_whatever_stands_in_a_file_there_are_lines_or_clear_words(
    scraps: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        lyrics = lyrics_of("".join(map("".join, scraps)), tmp_path_factory.getbasetemp())
    except ValueError as error:
        assert "LRC" in str(error)  # noqa: PT017
        return
    assert lyrics.lines
    assert all(second >= 0 for _, second in marker_names(lyrics))


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("\uff3b00:10.00\uff3da\n[00\uff1a11.00]b\n", [(10.0, "a"), (11.0, "b")]),
        ("[00:10.00][Chorus]\n[00:11.00]words\n", [(11.0, "words")]),
        ("[00:10.00]F: hers\n[00:11.00]v1: his\n", [(10.0, "hers"), (11.0, "his")]),
        ("[00:10.00][00:10.00]once[00:10.50] more\n", [(10.0, "once more")]),
        ("[00:10.00]a\x1b[31mred\x07\n", [(10.0, "a[31mred")]),
        ("0:00:10.000,0:00:12.000\nHi\n\n0:00:13.000,0:00:14.000\nyou\n", [(10.0, "Hi"), (13.0, "you")]),
    ],
)  # fmt: skip
def test_further_habits_of_players(content: str, lines: list[tuple[float, str]], tmp_path: Path) -> None:
    (tmp_path / "song.lrc").write_text(content, encoding="utf-8")
    found = read_lyrics(tmp_path / "song.lrc")
    assert [(line.second, line.text) for line in found.lines] == lines
    assert not found.warnings


def test_words_that_count_from_the_begin_of_their_line(tmp_path: Path) -> None:
    (tmp_path / "song.krc").write_text("[10000,2000]<0,500,0>Hello <500,500,0>world\n")
    (line,) = read_lyrics(tmp_path / "song.krc").lines
    assert line.words == ((10.0, "Hello"), (10.5, "world"))


@pytest.mark.parametrize(
    ("encoding", "words"), [("euc-jp", "愛してる"), ("iso2022_jp", "さくら"), ("iso-8859-2", "śnieg żal łzy")]
)
def test_older_encodings_are_guessed_and_told(encoding: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "song.lrc").write_bytes(f"[00:10.00]{words}\n".encode(encoding))
    found = read_lyrics(tmp_path / "song.lrc")
    assert [line.text for line in found.lines] == [words]
    assert "read as" in found.warnings[0]
