"""Writes the text of made vasprun.xml files in the layout of VASP, with everything known."""

from dataclasses import dataclass, field

import numpy as np

HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator>
  <i name="program" type="string">vasp </i>
  <i name="version" type="string">6.4.2  </i>
 </generator>
 <incar>
  <i type="string" name="PREC">Normal</i>
  <i type="int" name="NSW">   {nsw}</i>
 </incar>
 <kpoints>
  <generation param="{style}">
   <v type="int" name="divisions">       {mesh} </v>
   <v name="usershift">      0.00000000       0.00000000       0.00000000 </v>
  </generation>
  <varray name="kpointlist" >
{points}
  </varray>
 </kpoints>
 <parameters>
  <separator name="electronic" >
   <i type="string" name="PREC">normal</i>
   <i name="ENMAX">    300.00000000</i>
   <i name="NELECT">{nelect:16.8f}</i>
   <separator name="electronic smearing" >
    <i type="int" name="ISMEAR">     {ismear}</i>
    <i name="SIGMA">      0.20000000</i>
   </separator>
   <i type="int" name="ISPIN">     1</i>
   <i type="int" name="NELM">    {nelm}</i>
   <i type="logical" name="LREAL"> F  </i>
  </separator>
  <separator name="ionic" >
   <i type="int" name="NSW">   {nsw}</i>
   <i type="int" name="IBRION">     {ibrion}</i>
   <i name="POTIM">      5.00000000</i>
   <i name="SMASS">      0.00000000</i>
   <i name="TEBEG">    300.00000000</i>
   <i name="TEEND">    300.00000000</i>
  </separator>
{more_parameters}
 </parameters>
 <atominfo>
  <atoms>       {n_atoms} </atoms>
  <types>       {n_types} </types>
  <array name="atoms" >
   <dimension dim="1">ion</dimension>
   <field type="string">element</field>
   <field type="int">atomtype</field>
   <set>
{atoms}
   </set>
  </array>
  <array name="atomtypes" >
   <dimension dim="1">type</dimension>
   <field type="int">atomspertype</field>
   <set>
{types}
   </set>
  </array>
 </atominfo>
"""
TAIL = "</modeling>\n"
GAMMA = "   <v>       0.00000000       0.00000000       0.00000000 </v>"


@dataclass
class Run:
    """What to write; the numbers of its steps are drawn, to be compared with what is read."""

    symbols: tuple = ("Cu", "Cu", "Cu")
    n_scf: tuple = (3, 2, 4)
    nelm: int = 60
    seed: int = 0
    md: bool = True
    stress: bool = True
    ismear: int = 1
    style: str = "Gamma"
    mesh: str = "1        1        1"
    points: str = GAMMA
    extra_electrons: float = 0.0
    more_parameters: str = ""
    dos: bool = False
    selective: bool = False
    steps: list = field(default_factory=list)

    def __post_init__(self):
        random = np.random.default_rng(self.seed)
        n = len(self.symbols)
        cell = np.diag(random.uniform(4, 9, 3)) + random.normal(0, 0.3, (3, 3))
        self.cell = np.round(cell, 8)
        for n_scf in self.n_scf:
            free = random.normal(-3.7 * n, 0.1)
            self.steps.append(
                {
                    "cell": self.cell,
                    "fractional": np.round(random.uniform(0, 1, (n, 3)), 8),
                    "forces": np.round(random.normal(0, 1, (n, 3)), 8),
                    "stress": np.round(random.normal(0, 30, (3, 3)), 8),
                    "free": round(free, 8),
                    "scf": [np.round(free + random.normal(0, 0.02, 3), 8) for _ in range(n_scf)],
                    "kinetic": round(random.uniform(0, 1), 8),
                    "nose": np.round(random.normal(0, 0.1, 2), 8),
                }
            )

    @property
    def head(self):
        kinds = list(dict.fromkeys(self.symbols))
        atoms = "\n".join(
            f"    <rc><c>{s:2}</c><c>   {kinds.index(s) + 1}</c></rc>" for s in self.symbols
        )
        types = "\n".join(
            f"    <rc><c>   {self.symbols.count(s)}</c><c>{s:2}</c><c>     60.00000000</c>"
            f"<c>     11.00000000</c><c>  PAW_PBE {s} 22Jun2005                  </c></rc>"
            for s in kinds
        )
        return HEAD.format(
            nsw=len(self.steps),
            style=self.style,
            mesh=self.mesh,
            points=self.points,
            nelect=11.0 * len(self.symbols) + self.extra_electrons,
            ismear=self.ismear,
            nelm=self.nelm,
            ibrion=0 if self.md else -1,
            n_atoms=len(self.symbols),
            n_types=len(kinds),
            atoms=atoms,
            types=types,
            more_parameters=self.more_parameters,
        ) + self.structure(self.steps[0] if self.steps else None, "initialpos")

    @property
    def text(self):
        final = self.structure(self.steps[-1], "finalpos") if self.steps else ""
        return self.head + "".join(map(self.step, self.steps)) + final + TAIL

    def structure(self, step, name=""):
        step = step or {"fractional": np.zeros((len(self.symbols), 3))}
        selective = ""
        if self.selective:
            rows = "".join('    <v type="logical" > T  T  F </v>\n' for _ in self.symbols)
            selective = f'   <varray type="logical" name="selective" >\n{rows}   </varray>\n'
        named = f' name="{name}" ' if name else ""
        return (
            f"  <structure{named}>\n   <crystal>\n"
            f'{vectors("basis", self.cell)}    <i name="volume">   1281.46103541 </i>\n'
            f"{vectors('rec_basis', np.linalg.inv(self.cell).T)}   </crystal>\n"
            f"{vectors('positions', step['fractional'])}{selective}  </structure>\n"
        )

    def step(self, step):
        scf = "".join(
            '  <scstep>\n   <time name="dav">    0.93    1.09</time>\n   <energy>\n'
            '    <i name="alphaZ">    107.59920118 </i>\n'
            + items(e_fr_energy=free, e_wo_entrp=without, e_0_energy=zero)
            + "   </energy>\n  </scstep>\n"
            for free, without, zero in step["scf"]
        )
        # VASP 5 writes the last two of these wrongly.
        ionic = items(e_fr_energy=step["free"], e_wo_entrp=1.0, e_0_energy=0.0)
        if self.md:
            nosepot, nosekinetic = step["nose"]
            ionic += items(kinetic=step["kinetic"]) + items(**{"lattice kinetic": 0.0})
            ionic += items(nosepot=nosepot, nosekinetic=nosekinetic, total=0.0)
        stress = vectors("stress", step["stress"]) if self.stress else ""
        dos = '  <dos>\n   <i name="efermi">      4.05 </i>\n  </dos>\n' if self.dos else ""
        return (
            f" <calculation>\n{scf}{self.structure(step)}{vectors('forces', step['forces'])}"
            f"{stress}  <energy>\n{ionic}  </energy>\n{dos}"
            '  <time name="totalsc">   12.07   12.68</time>\n </calculation>\n'
        )


def vectors(name, rows):
    lines = "".join(f"   <v>  {x:16.8f} {y:16.8f} {z:16.8f} </v>\n" for x, y, z in rows)
    return f'  <varray name="{name}" >\n{lines}  </varray>\n'


def items(**values):
    return "".join(f'    <i name="{key}">{value:16.8f} </i>\n' for key, value in values.items())


def check_step(read, written, number):
    """Compare a step that was read with what was written, to the digit."""
    assert read.number == number
    for name in ("cell", "fractional", "forces"):
        np.testing.assert_array_equal(getattr(read, name), written[name])
    free, without, zero = written["scf"][-1]
    assert read.energy_free == written["free"]
    assert read.energy_sigma0 == zero + (written["free"] - free)
    assert read.energy_without_entropy == without + (written["free"] - free)
    assert read.n_scf == len(written["scf"])


def same(one, other):
    """Whether two steps are the same, nan being equal to nan."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__]
    return all(
        a is b if a is None or b is None else np.array_equal(a, b, equal_nan=True) for a, b in pairs
    )
