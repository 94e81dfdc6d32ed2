"""What the name of a column tells: whose it is, and whether it is a label, a time or an amount."""

from __future__ import annotations

import re

from tfctr.spec.features import Role


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLICKS = frozenset({"click", "clicked", "clicks", "clk", "label", "target", "y", "like", "liked", "response"})
OUTCOMES = CLICKS | _words(
    "conversion converted convert buy bought purchase purchased order ordered install installed finish finished "
    "visit visited cart favorite favourite share forward follow dead event outcome rating stars"
)
RATINGS = frozenset({"rating", "ratings", "stars", "overall", "score", "rate"})
TIMES = _words("time timestamp ts unixtime unix date datetime day hour dt second seconds utc")
OF_STORAGE = _words("ingestion ingested inserted loaded stored etl updated processed")
"""Times at which a row came into a store, and not those at which something happened."""
USERS = _words("user uid userid member customer visitor reviewer client person account viewer")
GROUPS = (USERS, frozenset({"session", "request", "query", "search", "impression"}), frozenset({"device", "ip"}))
_USER_TRAITS = _words("age gender sex occupation zip zipcode income education married device ip phone")
_ITEMS = _words(
    "item iid itemid ad adid adgroup creative campaign advertiser product sku asin movie film video news article title "
    "genre genres category categories cate cat brand price shop seller author music app publisher tag tags"
)
_AMOUNTS = _words(
    "age price cost amount count cnt num number total sum avg mean score rate ratio duration length size width height "
    "year years days hours minutes seconds balance income distance weight qty quantity clicks impressions"
)
_THINGS = _words("user item ad creative campaign product movie film video news article brand shop seller author app")
"""Names that, alone, are those of ids."""
_IDS = _words("id ids code key hash type kind index cid uid pid sid aid")
_ROWS = frozenset({"row", "rowid", "rownum", "id", "index", "no", "unnamed", "idx", "lineno"})
_ORDERED = _words("history hist seq sequence recent last past behavior behaviour clicked viewed")

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def words_of(name: str) -> tuple[str, ...]:
    """Return the words in a name, lower case.

    Example:
        >>> words_of("userId"), words_of("ad_group-2")
        (('user', 'id'), ('ad', 'group', '2'))
    """
    return tuple(word.lower() for word in _WORDS.findall(name))


def has(name: str, words: frozenset[str]) -> bool:
    """Whether one of the words is in the name, or is the name without its separators."""
    return bool(words.intersection(words_of(name))) or "".join(words_of(name)) in words


def role_of(name: str) -> Role:
    """Return whose property a column probably is; `context` when the name does not tell."""
    if has(name, USERS | _USER_TRAITS):
        return "user"
    return "item" if has(name, _ITEMS) else "context"


def is_amount(name: str) -> bool:
    """Whether the name is that of something one can have more or less of."""
    return has(name, _AMOUNTS) and not is_id(name)


def is_id(name: str) -> bool:
    """Whether the name is that of an identifier."""
    words = words_of(name)
    if not words:
        return False
    return words[-1] in _IDS or "".join(words).endswith("id") or words[0] in ("is", "has") or "".join(words) in _THINGS


def is_row_number(name: str) -> bool:
    """Whether the name is that of the row itself."""
    return "".join(words_of(name)) in _ROWS


def is_domain(name: str) -> bool:
    """Whether the name is that of a scenario with metrics of its own."""
    return words_of(name)[-1:] in (("domain",), ("scenario",), ("scene",), ("tab",), ("placement",))


def is_ordered(name: str) -> bool:
    """Whether a list of this name is probably in the order of time."""
    return has(name, _ORDERED)


def identifier(name: str) -> str:
    """Return the name with every sign replaced that a feature's name must not have.

    Example:
        >>> identifier("user-item affinity"), identifier("2nd"), identifier("")
        ('user_item_affinity', 'c_2nd', 'c_')
    """
    clean = re.sub(r"[^A-Za-z0-9_]", "_", name)[:90]
    return clean if re.match(r"[A-Za-z]", clean) and not clean.startswith("meta__") else f"c_{clean}"
