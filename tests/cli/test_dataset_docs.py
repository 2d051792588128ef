"""docs/howto/datasets.md says what really works: its commands and its Python run at the paper's scale."""

import re
import shlex
from pathlib import Path

import pytest

from tm23flows.documents.recipe import Recipe

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "datasets.md").read_text()
COMMANDS = re.findall(r"^    (tm23 dataset .+)$", TEXT, re.MULTILINE)
TEMPERATURES = {"cold": 339.5, "warm": 1018.5, "melt": 1697.5}


@pytest.fixture
def paper_sized(archive, make_frame, make_label):
    """A thousand frames of each temperature, 50 fs apart, twelve of them in six events."""
    wide = Recipe(engine="emt", xc="none", sigma_eV=1.0)
    for offset, (regime, kelvin) in enumerate(TEMPERATURES.items()):
        frames = [
            make_frame(
                seed=1000 * offset + number,
                regime=regime,
                temperature_K=kelvin,
                trajectory_id=regime[0] * 64,
                step=1010 + 10 * number,
                time_fs=5.0 * (1009 + 10 * number),
                tags={"event": f"{regime} {number // 100}"} if number % 100 in (50, 51) else {},
            )
            for number in range(1000)
        ]
        archive.put(*frames)
        archive.put(*(make_label(frame) for frame in frames))
        archive.put(*(make_label(frame, wide) for frame in frames))
    return archive


@pytest.mark.slow
def test_every_command_of_the_page_works(tm23, paper_sized):
    assert len(COMMANDS) >= 15
    for command in COMMANDS:
        ran = tm23(*shlex.split(command, comments=True)[1:])
        assert ran.code == 0, f"{command}: {ran.err}{ran.out}"
    shown = {row["name"]: row for row in tm23("dataset", "list", "--json").json}
    sizes = {name: (row["train"], row.get("test")) for name, row in shown.items()}
    assert sizes["Cu-full"] == sizes["Cu-wide"] == (2700, 300)
    assert (shown["Cu-transfer"]["test_warm"], shown["Cu-transfer"]["test_melt"]) == (1000, 1000)
    curve = [name for name in shown if name.startswith("Cu-curve-")]
    assert [sizes[name] for name in sorted(curve)] == [(n, 100) for n in (100, 300, 500, 700, 900)]
    assert sizes["Cu-grid"] == (200, 100)
    assert sizes["Cu-size"] == (200, 50)
    assert sizes["Cu-hot"] == (2000, 1000)
    assert sizes["Cu-tenth"] == (240, 60)
    card = tm23("dataset", "show", "Cu-full", "--json").json["leak_check"]
    assert (card["smallest_gap_fs"], card["required_gap_fs"]) == (50.0, 50.0)
    card = tm23("dataset", "show", "Cu-blocks", "--json").json["leak_check"]
    assert card["smallest_gap_fs"] >= card["required_gap_fs"] == 500.0
    assert tm23("dataset", "show", "Cu-hops", "--json").json["n_labels"] == 60
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(block, names)
    assert len(names["angular"]) == 300
