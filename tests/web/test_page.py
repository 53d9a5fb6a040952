"""The page's files: whole, local, labelled, and fit for a strict content security policy."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from web import STATIC

PAGE = STATIC / "index.html"
SCRIPTS = sorted(STATIC.glob("*.js"))
SHEETS = sorted(STATIC.glob("*.css"))
NAMESPACES = {"http://www.w3.org/2000/svg"}
REFERENCES = {"href", "src", "srcset", "action", "poster", "data", "xlink:href", "formaction"}
CONTROLS = {"input", "select", "textarea"}
VOID = {"meta", "link", "input", "img", "br", "hr", "path", "circle", "rect", "use"}


class Elements(HTMLParser):
    """Every element of a page: name, attributes, and all the text inside it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str], list[str]]] = []
        self.inside: list[tuple[str, list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        self.found.append((tag, {name: value or "" for name, value in attributes}, text))
        if tag not in VOID:
            self.inside.append((tag, text))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attributes}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.inside, f"</{tag}> closes nothing"
        opened, _ = self.inside.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        for _, text in self.inside:
            text.append(data)


@pytest.fixture(scope="module")
def elements() -> list[tuple[str, dict[str, str], list[str]]]:
    parser = Elements(PAGE.read_text(encoding="utf-8"))
    assert not parser.inside, f"never closed: {[tag for tag, _ in parser.inside]}"
    return parser.found


def code(path: Path) -> str:
    """A script without its comments."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"(^|\s)//.*", r"\1", text)


def test_references_are_local_files_that_exist(elements) -> None:
    ids = {attributes["id"] for _, attributes, _ in elements if "id" in attributes}
    files = set()
    for tag, attributes, _ in elements:
        for name in REFERENCES & attributes.keys():
            value = attributes[name]
            if value.startswith("#"):
                assert value[1:] in ids, f"<{tag} {name}={value}> points at no element"
            elif value != "./":  # the page itself
                assert re.fullmatch(r"static/[\w.-]+", value), f"<{tag} {name}={value}> is not one of the page's files"
                assert (STATIC / value.removeprefix("static/")).is_file(), f"{value} does not exist"
                files.add(value)
    assert {"static/aisle.css", "static/app.js", "static/favicon.svg"} <= files


def test_nothing_comes_from_elsewhere() -> None:
    for path in [PAGE, *SCRIPTS, *SHEETS, STATIC / "favicon.svg"]:
        addresses = set(
            re.findall(
                r"(?:https?:)?//[a-z0-9][\w.-]*\.[a-z][^\s\"'`)]*",
                path.read_text(encoding="utf-8"),
                flags=re.IGNORECASE,
            )
        )
        assert addresses <= NAMESPACES, f"{path.name} mentions {addresses - NAMESPACES}"
    for path in SHEETS:
        assert not re.search(r"@import|url\(", path.read_text(encoding="utf-8")), f"{path.name} loads something"


def test_no_inline_code_or_style(elements) -> None:
    for tag, attributes, text in elements:
        assert tag != "style", "a <style> element breaks style-src 'self'"
        inline = [name for name in attributes if name == "style" or name.startswith("on")]
        assert not inline, f"<{tag}> has {inline}"
        if tag == "script":
            assert "src" in attributes, "a script without a file breaks script-src 'self'"
            assert not "".join(text).strip(), "a script with text inside breaks script-src 'self'"


def test_scripts_write_no_markup_and_no_code() -> None:
    forbidden = re.compile(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|srcdoc|document\.write)\b"
        r"|\b(eval|Function)\b|setAttribute\(\s*[\"'](style|on)|\bstyle\s*:(?! \"currency\")"
    )
    for path in SCRIPTS:
        found = forbidden.search(code(path))
        assert found is None, f"{path.name} uses {found.group() if found else ''}"


def test_every_control_has_a_name(elements) -> None:
    labels = {
        attributes["for"]: "".join(text).strip()
        for tag, attributes, text in elements
        if tag == "label" and "for" in attributes
    }
    controls = 0
    for tag, attributes, text in elements:
        if tag in CONTROLS:
            controls += 1
            assert attributes.get("aria-label") or labels.get(attributes.get("id", "")), (
                f"<{tag} id={attributes.get('id')}> has no label"
            )
        elif tag in {"button", "summary", "dialog"}:
            named = attributes.get("aria-label") or attributes.get("aria-labelledby") or "".join(text).strip()
            assert named, f"<{tag} id={attributes.get('id')}> has no name"
    assert controls >= 5
    assert set(labels) <= {attributes.get("id") for _, attributes, _ in elements}, "a label is for no control"


def test_ids_are_unique(elements) -> None:
    ids = [attributes["id"] for _, attributes, _ in elements if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def test_landmarks_and_language(elements) -> None:
    tags = [tag for tag, _, _ in elements]
    for landmark in ("header", "main", "aside", "footer", "h1"):
        assert landmark in tags, f"there is no <{landmark}>"
    assert tags.count("main") == tags.count("h1") == 1
    assert next(attributes for tag, attributes, _ in elements if tag == "html").get("lang") == "en"
    assert any(attributes.get("role") == "status" for _, attributes, _ in elements), (
        "nothing announces the number of results"
    )
    skip = next(attributes for tag, attributes, _ in elements if tag == "a")
    assert skip["href"] == "#results", "the first link does not skip to the products"


def test_headings_do_not_jump(elements) -> None:
    levels = [int(tag[1]) for tag, _, _ in elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_scripts_name_elements_and_icons_that_exist(elements) -> None:
    ids = {attributes["id"] for _, attributes, _ in elements if "id" in attributes}
    for path in SCRIPTS:
        text = code(path)
        sought = set(re.findall(r"(?:byId|getElementById)\(\"([\w-]+)\"\)", text))
        sought |= {f"icon-{name}" for name in re.findall(r"(?<![\w.])icon\(\"([\w-]+)\"\)", text)}
        made = set(re.findall(r"\bid: \"([\w-]+)\"", text))
        assert sought <= ids | made, f"{path.name} looks for {sought - ids - made}"
    listed = re.search(r"= \[(.*)\]\.map\(byId\)", code(STATIC / "app.js"))
    assert listed is not None
    assert set(re.findall(r'"([\w-]+)"', listed.group(1))) <= ids


def test_imports_resolve_and_every_file_is_used() -> None:
    used = set(re.findall(r"static/([\w.-]+)", PAGE.read_text(encoding="utf-8")))
    for path in SCRIPTS:
        for module, names in [
            (module, names) for names, module in re.findall(r"import \{([^}]*)\} from \"([^\"]+)\"", code(path))
        ]:
            assert re.fullmatch(r"\./[\w-]+\.js", module), f"{path.name} imports {module}"
            target = STATIC / module
            assert target.is_file(), f"{path.name} imports {module}, which does not exist"
            exported = set(
                re.findall(r"^export (?:async )?(?:function|const|class) (\w+)", code(target), flags=re.MULTILINE)
            )
            wanted = {name.strip() for name in names.split(",") if name.strip()}
            assert wanted <= exported, f"{module} does not export {wanted - exported}"
            for name in wanted:
                assert len(re.findall(rf"\b{name}\b", code(path))) > 1, f"{path.name} imports {name} and never uses it"
            used.add(target.name)
    assert {path.name for path in STATIC.iterdir()} - {"index.html"} == used


def test_both_ways_to_dark_agree() -> None:
    sheet = (STATIC / "aisle.css").read_text(encoding="utf-8")
    assert tokens(sheet, r':root\[data-theme="dark"\]') == tokens(sheet, r":root:not\(\[data-theme\]\)")


@pytest.mark.parametrize("selector", [":root", r':root\[data-theme="dark"\]'], ids=["light", "dark"])
def test_text_is_readable(selector: str) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for text (1.4.3), 3 to 1 for the edges of controls (1.4.11)."""
    sheet = (STATIC / "aisle.css").read_text(encoding="utf-8")
    colours = tokens(sheet, ":root") | tokens(sheet, selector)
    for ink in ("ink", "quiet", "accent", "alarm"):
        for ground in ("paper", "raised", "wash"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, f"{ink} on {ground}"
    assert contrast(colours["on-ink"], colours["ink"]) >= 4.5
    for ground in ("paper", "raised"):
        assert contrast(colours["edge"], colours[ground]) >= 3, f"edge on {ground}"


def tokens(sheet: str, selector: str) -> dict[str, str]:
    block = re.search(rf"(?:^|\s){selector} \{{([^}}]*)\}}", sheet)
    assert block is not None, f"there is no {selector}"
    return {
        name: value.strip()
        for name, value in re.findall(r"--([\w-]+):([^;]*);", re.sub(r"/\*.*?\*/", "", block.group(1)))
    }


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path, tmp_path: Path) -> None:
    suffix = ".cjs" if script.name == "theme.js" else ".mjs"  # theme.js is the one classic script
    copy = tmp_path / script.with_suffix(suffix).name
    shutil.copy(script, copy)
    checked = subprocess.run(["node", "--check", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
