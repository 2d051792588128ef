"""The house of the package as a picture: which shelf stands on which.

python docs/figures/architecture.py [FILE] writes it, beside this file by default. The shelves and
who may use whom are the table MAY_IMPORT that tests/test_import_floors.py holds the package to;
tests/docs/test_architecture_figure.py holds the picture to both.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

FLOORS = Path(__file__).resolve().parents[2] / "tests" / "test_import_floors.py"
PICTURE = Path(__file__).with_name("architecture.svg")

ONLY_TOP = {"__main__"}
"""Shelves of the table that are no rooms."""

WORDS = {
    "cli": "tm23",
    "ops": "recovery, status, costs, audit",
    "report": "tables, figures, one page",
    "flows": "Makers that wire",
    "jobs": "one per noun",
    "store": "the archive in MongoDB",
    "engines": "GPAW, VASP, EMT",
    "trainers": "FLARE, NequIP, Allegro",
    "documents": "frozen, with ids",
    "science": "pure functions",
    "testing": "for tests of users; no other shelf uses it",
}
"""What is in a room, in a few words."""

WIDTH, HEIGHT, GAP, ROOM = 960, 76, 16, 296
STYLE = """
text { font: 15px sans-serif; fill: #1b1f24; text-anchor: middle; }
.word { font-size: 12px; fill: #57606a; }
.room { fill: #dbeafe; stroke: #2563eb; }
.ground { fill: #e5e7eb; stroke: #6b7280; }
.apart { fill: #fef3c7; stroke: #b45309; stroke-dasharray: 5 3; }
"""


def rules(source: str) -> tuple[set[str], dict[str, set[str]]]:
    """Read the modules of the ground floor, and which shelf may use which, out of the test."""
    names: dict[str, set[str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name == "MAY_IMPORT":
            keys = [ast.literal_eval(key) for key in node.value.keys]
            values = [words(value, names) for value in node.value.values]
            return names["GROUND"], dict(zip(keys, values, strict=True))
        if isinstance(node.value, ast.Set):
            names[name] = words(node.value, names)
    raise SystemExit("tests/test_import_floors.py has no table MAY_IMPORT")


def words(node: ast.expr, names: dict[str, set[str]]) -> set[str]:
    """Work out a set that is written with names, stars and bars."""
    if isinstance(node, ast.Name):
        return names[node.id]
    if isinstance(node, ast.BinOp):
        return words(node.left, names) | words(node.right, names)
    if isinstance(node, ast.Set):
        parts = [
            words(one.value, names) if isinstance(one, ast.Starred) else {ast.literal_eval(one)}
            for one in node.elts
        ]
        return set().union(*parts)
    return set()


def storeys(may_use: dict[str, set[str]]) -> list[list[str]]:
    """Put each shelf one storey above the highest that it may use, from below to above."""
    rooms = {room: uses & set(may_use) for room, uses in may_use.items() if room not in ONLY_TOP}
    built: list[list[str]] = []
    while rooms:
        done = {room for storey in built for room in storey} | ONLY_TOP
        storey = sorted(room for room, uses in rooms.items() if uses - {room} <= done)
        if not storey:
            raise SystemExit(f"shelves that use each other: {', '.join(sorted(rooms))}")
        built.append(storey)
        rooms = {room: uses for room, uses in rooms.items() if room not in storey}
    return built


def box(svg: ET.Element, kind: str, left: float, top: float, width: float) -> None:
    """Draw the walls of a room."""
    size = {"width": f"{width:g}", "height": f"{HEIGHT}", "rx": "6"}
    place = {"x": f"{left:g}", "y": f"{top:g}"}
    ET.SubElement(svg, "rect", {"class": kind, **place, **size})


def write(svg: ET.Element, text: str, x: float, y: float, kind: str = "name") -> None:
    """Write a line, centred at x."""
    place = {"class": kind, "x": f"{x:g}", "y": f"{y:g}"}
    ET.SubElement(svg, "text", place).text = text


def stands_on(room: str, may_use: dict[str, set[str]]) -> str:
    """Name the shelves that a room may use, without those that it may use through another one."""
    others = may_use[room] - {room} - ONLY_TOP
    through = set().union(*(may_use[other] - {other} for other in others))
    named = sorted(others - through)
    return f"stands on {', '.join(named)}" if named else "stands on the ground floor alone"


def draw_room(
    svg: ET.Element, room: str, may_use: dict[str, set[str]], left: float, top: float
) -> None:
    """Draw a shelf; one that nothing uses and that is not the door has a dashed wall."""
    used = any(room in others for other, others in may_use.items() if other not in ONLY_TOP)
    middle = left + ROOM / 2
    box(svg, "room" if used or room == "cli" else "apart", left, top, ROOM)
    write(svg, room, middle, top + 24)
    write(svg, WORDS.get(room, ""), middle, top + 44, "word")
    write(svg, stands_on(room, may_use), middle, top + 62, "word")


def draw(ground: set[str], may_use: dict[str, set[str]]) -> str:
    """Draw all storeys, the ground floor last, as SVG."""
    floors = storeys(may_use)
    height = (len(floors) + 1) * (HEIGHT + GAP) + GAP
    view = {"viewBox": f"0 0 {WIDTH} {height}", "role": "img"}
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **view})
    ET.SubElement(svg, "title").text = "Shelves of tm23flows; a shelf uses lower ones only"
    ET.SubElement(svg, "style").text = STYLE
    size = {"width": f"{WIDTH}", "height": f"{height}"}
    ET.SubElement(svg, "rect", {**size, "fill": "#ffffff"})
    top = GAP
    for storey in reversed(floors):
        left = (WIDTH - len(storey) * (ROOM + GAP) + GAP) / 2
        for number, room in enumerate(storey):
            draw_room(svg, room, may_use, left + number * (ROOM + GAP), top)
        top += HEIGHT + GAP
    box(svg, "ground", GAP, top, WIDTH - 2 * GAP)
    write(svg, "the ground floor: everything may use it", WIDTH / 2, top + 32)
    write(svg, ", ".join(sorted(ground)), WIDTH / 2, top + 54, "word")
    ET.indent(svg)
    return ET.tostring(svg, encoding="unicode") + "\n"


def main() -> None:
    """Write the picture."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    target.write_text(draw(*rules(FLOORS.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
