"""Characters that look like Latin letters, and ones that are not seen at all. Pure.

The pairs are the ones people use to get past word filters, after Unicode's list of confusable
characters (https://www.unicode.org/Public/security/latest/confusables.txt). What NFKD decomposes
(fullwidth, bold, circled and accented letters) needs no entry. Letters that only remind of a Latin
one are left out: in their own languages they would make different words the same.
"""

from __future__ import annotations

# ruff: noqa: RUF001 - to confuse is what these characters are for

# Latin letter → what is read as it. Upper case counts where its shape does: a Cyrillic Ve is a b.
_ALIKE = {
    "a": "аАαΑɑ⍺ᴀⱥȺꓮᎪ",
    "b": "ВвΒβЬьƄɓʙᏴꓐƁƀ",
    "c": "сСϲϹᴄⅽƈƇȼȻꓚᏟⲥⲤ",
    "d": "ԁԀɗɖđĐᴅƊꓓᎠð",
    "e": "еЕεΕєЄɛɇɆҽᴇ℮ꓰᎬ",
    "f": "ϝϜƒƑꓝꞙẝꜰ",
    "g": "ɡցԍԌɢǥǤƓɠꓖᏀ",
    "h": "һҺΗнНʜɦħĦꓧᎻⲎ",
    "i": "іІιΙӏӀɪıɨƗꓲⵏΪ¡ⲒƖ",
    "j": "јЈϳͿʝɉɈᴊꓙᎫ",
    "k": "кКκΚᴋƙƘꓗᏦⲔ",
    "l": "ʟłŁɭƚȽꓡᏞⳐ",
    "m": "мМΜᴍɱꓟᎷⲘ",
    "n": "ηΝɴŋŊɲƝꓠⲚո",
    "o": "оОοΟσσօՕøØɵᴏꓳⲞ०੦૦๐໐۵٥",
    "p": "рРρΡᴘƥƤꓑᏢⲢþÞ",
    "q": "ԛԚɋɊգզϙ",
    "r": "гГʀɾɍɌᴦꓣᏒɼ",
    "s": "ѕЅʂꜱꓢᏚՏ",
    "t": "тТτΤᴛŧŦƬƭꓔᎢⲦ",
    "u": "υսՍᴜꓴʊʉɄμµ",
    "v": "ѵѴνⅴᴠꓦᏙʋƲ",
    "w": "ԝԜωᴡꓪᎳɯѡ",
    "x": "хХχΧꓫⲬҳҲ",
    "y": "уУүҮΥγʏɏɎꓬⲨƴƳ",
    "z": "ΖᴢʐƶƵȥȤꓜᏃⲌ",
}
# Seen as a gap or as nothing, though Unicode calls them letters or symbols.
UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Where alphabets begin that are letters to be seen and symbols to Unicode: in black circles, in
# black squares, and those that make flags.
_ALPHABETS = (0x1F150, 0x1F170, 0x1F1E6)
LOOKALIKES = {alike: letter for letter, all_alike in _ALIKE.items() for alike in all_alike} | {
    chr(first + number): letter for first in _ALPHABETS for number, letter in enumerate(_ALIKE)
}
# Read as letters within a word that has letters; what can be an i can be an l.
LEET = {
    ord(sign): letter
    for sign, letter in {
        "0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "+": "t",
        "€": "e", "£": "l", "¥": "y", "§": "s", "¢": "c", "×": "x", "†": "t",
    }.items()
}  # fmt: skip
STROKES = "1!|"
ENDS = "!|+×†"  # punctuation where a word begins or ends
