"""Each decision says since when it stands and whether it still does; the list of decisions has them all."""

import re
from pathlib import Path

import pytest

ADR = Path(__file__).parents[2] / "docs" / "adr"
PAGES = sorted(ADR.glob("0*.md"))
HEAD = re.compile(
    r"# (?P<number>\d{4}) .+\n\n"
    r"- Status: (?:proposed|accepted|rejected|superseded by \[(?P<next>\d{4})\]\((?P<page>\d{4}-[\w-]+\.md)\))\n"
    r"- Date: \d{4}-\d\d-\d\d\n\n"
)
LISTED = {
    page: (number, line)
    for line, number, page in re.findall(
        r"(\| (\d{4}) \| \[[^\]]+\]\((\d{4}-[\w-]+\.md)\) \|.*)", (ADR / "README.md").read_text()
    )
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_a_decision_begins_with_its_status_and_its_date(page: Path) -> None:
    head = HEAD.match(page.read_text())
    assert head, (
        "it begins with its title, `- Status: accepted` (see adr/README.md for the others), `- Date: 2026-11-24`"
    )
    assert head["number"] == page.name[:4]
    if head["next"]:
        assert (ADR / head["page"]).is_file()
        assert head["page"].startswith(head["next"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_the_list_names_a_superseded_decision_as_such(page: Path) -> None:
    number, line = LISTED[page.name]
    assert number == page.name[:4]
    assert ("superseded" in line) == ("- Status: superseded" in page.read_text())


def test_the_list_has_every_decision_in_order() -> None:
    assert list(LISTED) == [page.name for page in PAGES]
