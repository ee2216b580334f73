"""The encoding of a text file that somebody else wrote: a byte order mark, zeros, UTF-8, or the one in which
its letters are those that a language has.

The last is a guess, which its caller should tell. It counts how many letters beyond ASCII are frequent in a
language; so it needs only a word or two, where statistics of sequences need pages.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

SAMPLE = 4000  # bytes that a guess looks at
RARE = 0.25  # what a letter counts that a language has, but not often
FEW = 0.05  # part of the bytes beyond ASCII that may be damaged in a text in UTF-8

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PUNCTUATION = frozenset("\u00a0«»°´·…–—‘’‚“”„•™©®€")
_SIMPLIFIED = """
的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多
经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性
知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次
度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建
务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路
爱梦夜风雨花雪星云泪忘忆笑飞亮红蓝永远幸福孤独温柔微让谁哭请跟吧呢吗啊梁连球村住
"""
_TRADITIONAL = """
的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多
經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性
知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次
愛夢夜風雨花雪星雲淚忘憶笑飛亮紅藍永遠幸福孤獨溫柔微讓誰哭請跟吧呢嗎啊深幾真
"""
_KOREAN = """
이다는을의에하고가지나도로한그리아사를기어서자라은내있시너대니해게수으인보우마오만정들여일안주장면없네전구제소모요무상과부데거러
원신랑당것말눈세비날바람별꽃밤길월미음생조두같와까운할스히려야간중때더동든습영였었직누개곳속난진물처울잊행복슬픔
"""
_KANA = "".join(map(chr, range(0x3041, 0x3097))) + "".join(map(chr, range(0x30A1, 0x30FD))) + "、。「」"


@dataclass(frozen=True)
class _Language:
    """What tells that a text is of a language, in an encoding."""

    encoding: str
    frequent: frozenset[str]
    rare: tuple[tuple[int, int], ...] = ()  # code points, first and last

    def score(self, text: str) -> float:
        """From 0 to 1: how well the letters beyond ASCII fit."""
        letters = [letter for letter in text if letter > "\x7f" and letter not in _PUNCTUATION]
        score = 0.0
        for letter in letters:
            rare = any(first <= ord(letter) <= last for first, last in self.rare)
            score += 1.0 if letter in self.frequent else RARE * rare
        return score / len(letters) if letters else 0.0


def _of(encoding: str, frequent: str, *rare: tuple[int, int]) -> _Language:
    return _Language(encoding, frozenset(frequent.replace("\n", "")), rare)


_HANZI, _HANGUL, _CYRILLIC = (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x400, 0x45F)
_LANGUAGES = (
    # Western first, which wins where several fit.
    *(
        _of("cp1252", letters)
        for letters in (
            "éèàçùâêîôûëïœÉÈÀÇÊÔÂŒ", "äöüßÄÖÜ", "ñáéíóúü¿¡ÑÁÉÍÓÚ", "ãõçáéíóúâêôàÃÕÇÁÉÍÓÚ", "åäöæøéÅÄÖÆØ",
            "àèéìòùÀÈÉÌÒÙ", "ëéïèöüó",
        )
    ),
    _of("cp1254", "çğıöşüÇĞİÖŞÜâîû"),
    *(
        _of("cp1250", letters)
        for letters in (
            "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ", "áäčďéíĺľňóôŕšťúýžÁÄČĎÉÍĹĽŇÓÔŔŠŤÚÝŽ",
            "áéíóöőúüűÁÉÍÓÖŐÚÜŰ", "čćđšžČĆĐŠŽ", "ăâîşţĂÂÎŞŢ",
        )
    ),
    *(_of("iso8859_2", letters) for letters in ("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ")),
    *(_of("cp1257", letters) for letters in ("ąčęėįšųūžĄČĘĖĮŠŲŪŽ", "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽ", "äõöüšžÄÕÖÜŠŽ")),
    _of("cp1252", "þðæöáéíóúýÞÐÆÖÁÉÍÓÚÝ"),
    *(_of(encoding, "оеаинтсрвлкмдпу", _CYRILLIC) for encoding in ("cp1251", "koi8_r", "cp866")),
    _of("cp1253", "αοιετσνηυρπκμλςάέίόύώή", (0x370, 0x3FF)),
    _of("cp1255", "יוהלאמרבתשנדעקחכפם", (0x590, 0x5FF)),
    _of("cp1256", "ايلنموربتعدسحقفكه", (0x600, 0x6FF)),
    _of("cp874", "านรอกเงมยลวดทสตะปบคหแจพชขใไโ\u0e31\u0e34\u0e35\u0e48\u0e49", (0xE00, 0xE5B)),
    _of("gb18030", _SIMPLIFIED + "，。！？、：；（）《》", _HANZI),
    _of("big5hkscs", _TRADITIONAL + "，。！？、：；（）《》", _HANZI),
    _of("cp932", _KANA, _HANZI),
    _of("euc_jp", _KANA, _HANZI),
    _of("cp949", _KOREAN, _HANGUL),
)  # fmt: skip


def decode(data: bytes) -> tuple[str, str]:
    """The text, and the name of the encoding in which it was read where that is a guess, else ''. Signs that
    cannot be read become U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), ""
    if b"\0" in data[:SAMPLE] and (encoding := _wide(data)):
        return data.decode(encoding, "replace"), _shown(encoding)
    if b"\x1b$B" in data or b"\x1b$@" in data:
        return data.decode("iso2022_jp", "replace"), "ISO-2022-JP"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    beyond = sum(byte > 0x7F for byte in data)
    if text.count("\ufffd") <= FEW * beyond:
        return text, "UTF-8 with damaged signs"
    encoding = _guess(data)
    return data.decode(encoding, "replace"), _shown(encoding)


def _shown(encoding: str) -> str:
    names = {
        "gb18030": "GBK",
        "big5hkscs": "Big5",
        "cp932": "Shift JIS",
        "cp949": "EUC-KR",
        "koi8_r": "KOI8-R",
        "euc_jp": "EUC-JP",
        "iso8859_2": "ISO 8859-2",
    }
    return names.get(encoding) or encoding.upper().replace("CP125", "Windows-125")


def _wide(data: bytes) -> str:
    """An encoding of two or four bytes a sign without a mark, by where ASCII has its zeros; '' for none."""
    sample = data[: SAMPLE - SAMPLE % 4]
    found = {}
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = sample.decode(encoding, "ignore")
        found[encoding] = sum(sign in "[]:.,0123456789\r\n >-" for sign in text) / (len(text) + 1)
    best = max(found, key=found.__getitem__)
    return best if found[best] > 0.1 else ""


def _guess(data: bytes) -> str:
    """One of the encodings that languages have. Lines without a sign beyond ASCII tell nothing."""
    lines = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:SAMPLE]
    if all(sign in _PUNCTUATION or sign < "\x80" for sign in sample.decode("cp1252", "replace")):
        return "cp1252"
    best, highest = "cp1252", 0.0
    for language in _LANGUAGES:
        text = sample.decode(language.encoding, "replace")
        score = language.score(text) - text.count("\ufffd") / (len(sample) or 1) * 2
        if score > highest + 1e-9:
            best, highest = language.encoding, score
    return best
