"""What every page of a report has to be: whole, self-contained, and readable by those who do not see it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "hr", "input"}
LOADS = {"src", "srcset", "data", "action", "background", "poster"}


class Page(HTMLParser):
    """A page, taken apart; `problems` tells what is wrong with it."""

    def __init__(self, html: str):
        super().__init__()
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.headings: list[int] = []
        self.tags: dict[str, int] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.problems += [f"<{tag}> is never closed" for tag in self._open]
        self.problems += [f"the id {name} is there twice" for name in set(self.ids) if self.ids.count(name) > 1]
        self.problems += [f"{link} leads nowhere" for link in self.links if link[1:] not in self.ids]
        if not html.startswith("<!doctype html>\n<html lang="):
            self.problems.append("no doctype, or no language")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in VOID:
            self._open.append(tag)
        if tag[0] == "h" and tag[1:].isdigit():
            level = int(tag[1:])
            if level > (self.headings[-1] if self.headings else 0) + 1:
                self.problems.append(f"<{tag}> skips a level")
            self.headings.append(level)
        self.problems += [f"<{tag}> loads {named[name]}" for name in LOADS & set(named) if name in named]
        if tag in ("script", "iframe", "object", "link"):
            self.problems.append(f"<{tag}> has no place here")
        if tag == "svg" and not (named.get("role") == "img" and named.get("aria-label")):
            self.problems.append("a picture without a text in its place")
        if tag == "th" and named.get("scope") not in ("row", "col"):
            self.problems.append("a heading of a table that says not of what")
        if "id" in named and tag not in ("path", "clippath", "g", "use"):
            self.ids.append(str(named["id"]))
        if tag == "a" and str(named.get("href", "")).startswith("#"):
            self.links.append(str(named["href"]))
        elif tag in ("a", "use") and "://" in str(named.get("href", named.get("xlink:href", ""))):
            self.problems.append(f"<{tag}> leads out of the page")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> closes <{self._open[-1] if self._open else 'nothing'}>")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """All that is read, in order."""
        return " ".join(text for text in self.texts if text)


def checked(html: str) -> Page:
    """Return the page; fails where something is wrong with it."""
    page = Page(html)
    assert not page.problems, page.problems
    return page
