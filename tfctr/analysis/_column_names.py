"""What the name of a column tells: whose it is, and whether it is an id, an amount, a time or a list in order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from tfctr.spec._input_names import ascii_words
from tfctr.spec.features import Role

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words(text: str) -> frozenset[str]:
    """Return the words of a text, for the lists of names."""
    return frozenset(text.split())


TIMES = words("time timestamp ts unixtime unix date datetime day hour dt second seconds utc created")
OF_STORAGE = words("ingestion ingested inserted loaded stored etl updated processed")
"""Times at which a row came into a store, and not those at which something happened."""
USERS = words("user uid userid member customer visitor reviewer client person account viewer buyer")
REQUESTS = words("session request req query search impression auction sid slate page pageview")
DEVICES = words("device cookie idfa gaid imei browser")
_USER_TRAITS = words("age gender sex occupation zip zipcode income education married device ip phone cms")
_ITEMS = words(
    "item iid itemid ad adid adgroup creative campaign advertiser product sku asin movie film video news article title "
    "genre genres category categories cate cat brand price shop seller author music app tag tags song book goods "
    "listing offer content post doc document poi hotel restaurant store course job"
)
_SURROUNDINGS = words("site page publisher slot banner placement url domain referrer position pos network channel")
_AMOUNTS = words(
    "age price cost amount count cnt num number total sum avg mean score rate ratio duration length size width height "
    "year years days hours minutes seconds balance income distance weight qty quantity clicks impressions"
)
_BANDS = words("level range band bucket bin segment group class grade tier")
"""Last words of amounts that were cut into a few steps."""
_THINGS = words("user item ad creative campaign product movie film video news article brand shop seller author app")
"""Names that, alone, are those of ids."""
_IDS = words("id ids code key hash type kind index cid uid pid sid aid")
_NUMBERED_AMOUNTS = words("numerical numeric num dense cont continuous float i")
_NUMBERED_CODES = words("categorical cat cate sparse discrete onehot c")
_ROWS = words("row rowid rownum rownumber id index no unnamed idx lineno recordid")
_SPLITS = words("split splits fold foldid subset partition splitid datasplit traintest istrain istest istraining")
_ORDERED = words("history hist seq sequence recent last past behavior behaviour clicked viewed")
_LISTED = words("list ids id items item click clicks")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words in a name, lower case.

    Example:
        >>> words_of("userId"), words_of("ad_group-2")
        (('user', 'id'), ('ad', 'group', '2'))
    """
    return tuple(word.lower() for word in _WORDS.findall(name))


def has(name: str, wanted: Iterable[str]) -> bool:
    """Whether one of the words is in the name, or is the name without its separators."""
    found = words_of(name)
    return not {*found, "".join(found)}.isdisjoint(wanted)


def role_of(name: str) -> Role:
    """Return whose property a column probably is; `context` when the name does not tell.

    What surrounds an ad is not its own: the category of a site is context, whatever follows its first word.
    """
    if (words_of(name)[:1] and words_of(name)[0] in _SURROUNDINGS) or _numbered(name, _NUMBERED_CODES):
        return "context"
    if has(name, USERS | _USER_TRAITS):
        return "user"
    return "item" if has(name, _ITEMS) else "context"


def is_amount(name: str) -> bool:
    """Whether the name is that of something one can have more or less of."""
    if _numbered(name, _NUMBERED_AMOUNTS):
        return True
    return has(name, _AMOUNTS) and not is_id(name) and words_of(name)[-1] not in _BANDS


def is_id(name: str) -> bool:
    """Whether the name is that of an identifier or another code."""
    found = words_of(name)
    if not found:
        return False
    joined = "".join(found)
    named = found[-1] in _IDS or joined.endswith("id") or found[0] in ("is", "has") or joined in _THINGS
    return named or _numbered(name, _NUMBERED_CODES)


def _numbered(name: str, kinds: frozenset[str]) -> bool:
    """Whether a column is one of a numbered kind, as in `dense_3` or Criteo's `I3` and `C3`."""
    found = words_of(name)
    return len(found) > 1 and found[0] in kinds and found[-1].isdigit()


def is_row_number(name: str) -> bool:
    """Whether the name is that of the row itself."""
    return "".join(words_of(name)) in _ROWS


def is_split(name: str) -> bool:
    """Whether the name says that a column parts training rows from others."""
    return "".join(words_of(name)) in _SPLITS


def is_domain(name: str) -> bool:
    """Whether the name is that of a scenario with metrics of its own, and not of a domain of the internet."""
    found = words_of(name)
    return found in (("domain",), ("domain", "id")) or found[-1:] in (
        ("scenario",),
        ("scene",),
        ("tab",),
        ("placement",),
    )


def is_ordered(name: str) -> bool:
    """Whether a list of this name is probably in the order of time."""
    return has(name, _ORDERED)


def names_entries_of(history: str, column: str) -> bool:
    """Whether the name of a history contains that of the column it collects.

    Example:
        >>> names_entries_of("hist_movie_id", "movie_id"), names_entries_of("click_sequence", "movie_id")
        (True, False)
    """
    wanted = set(words_of(column)) - _LISTED or set(words_of(column)) - {"id", "ids"}
    return bool(wanted) and wanted <= {word.removesuffix("s") for word in words_of(history)} | set(words_of(history))


def identifier(name: str) -> str:
    """Return the name with every sign replaced that a feature's name must not have.

    Example:
        >>> identifier("user-item affinity"), identifier("2nd"), identifier("Größe"), identifier("用户")
        ('user_item_affinity', 'c_2nd', 'Grou00dfe', 'u7528u6237')
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    clean = ascii_words(plain)[:90]
    return clean if re.match(r"[A-Za-z]", clean) and not clean.startswith("meta__") else f"c_{clean}"
