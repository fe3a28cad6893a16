"""Markdown: tables, and documents with places to fill in."""

from collections.abc import Iterable, Mapping, Sequence


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each part between its markers, <!-- NAME --> and <!-- /NAME -->. Raises ValueError without them."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, opened, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (opened and closed):
            raise ValueError(f"the document has no markers {begin} and {end}")
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text
