"""The made vasprun.xml of benchmarks/trajectory.py: a long run in VASP's layout."""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <generator>
  <i name="program" type="string">vasp </i>
  <i name="version" type="string">6.4.2  </i>
 </generator>
 <incar>
  <i type="int" name="IBRION">     0</i>
 </incar>
 <kpoints>
  <generation param="Gamma">
   <v type="int" name="divisions">       1        1        1 </v>
   <v name="usershift">      0.00000000       0.00000000       0.00000000 </v>
   <v name="genvec1">      1.00000000       0.00000000       0.00000000 </v>
   <v name="genvec2">      0.00000000       1.00000000       0.00000000 </v>
   <v name="genvec3">      0.00000000       0.00000000       1.00000000 </v>
   <v name="shift">      0.00000000       0.00000000       0.00000000 </v>
  </generation>
  <varray name="kpointlist" >
   <v>       0.00000000       0.00000000       0.00000000 </v>
  </varray>
  <varray name="weights" >
   <v>       1.00000000 </v>
  </varray>
 </kpoints>
 <parameters>
  <separator name="electronic" >
   <i name="ENMAX">    520.00000000</i>
   <i name="NELECT">    {electrons}.00000000</i>
   <i type="int" name="ISMEAR">     1</i>
   <i name="SIGMA">      0.20000000</i>
   <i type="int" name="NELM">    60</i>
   <i type="int" name="ISPIN">     1</i>
  </separator>
  <separator name="ionic" >
   <i type="int" name="NSW">    {steps}</i>
   <i type="int" name="IBRION">     0</i>
   <i name="POTIM">      5.00000000</i>
  </separator>
  <i type="string" name="GGA">--</i>
  <i type="logical" name="LEPSILON"> F  </i>
  <i type="logical" name="LHFCALC"> F  </i>
 </parameters>
 <atominfo>
  <atoms>      {atoms} </atoms>
  <types>       1 </types>
  <array name="atoms" >
   <dimension dim="1">ion</dimension>
   <field type="string">element</field>
   <field type="int">atomtype</field>
   <set>
{rows}
   </set>
  </array>
  <array name="atomtypes" >
   <dimension dim="1">type</dimension>
   <field type="int">atomspertype</field>
   <field type="string">element</field>
   <field>mass</field>
   <field>valence</field>
   <field type="string">pseudopotential</field>
   <set>
    <rc><c>  {atoms}</c><c>Cu</c><c>63.546</c><c>11.000</c><c>PAW_PBE Cu</c></rc>
   </set>
  </array>
 </atominfo>
"""
CRYSTAL = """  <crystal>
   <varray name="basis" >
{basis}   </varray>
   <i name="volume">    740.00000000 </i>
   <varray name="rec_basis" >
{basis}   </varray>
  </crystal>
"""
BASIS = "    <v>  %16.8f %16.8f %16.8f </v>\n" * 3 % (*(9.05, 0, 0), *(0, 9.05, 0), *(0, 0, 9.05))
FIRST_SCF = "".join(
    f'    <i name="{name}"> {1000 / place:16.8f} </i>\n'
    for place, name in enumerate(
        (
            "alphaZ",
            "ewald",
            "hartreedc",
            "XCdc",
            "pawpsdc",
            "pawaedc",
            "eentropy",
            "bandstr",
            "atom",
        ),
        start=1,
    )
)
SCF = """  <scstep>
   <time name="dav">    0.93    1.09</time>
   <time name="total">    1.07    1.27</time>
   <energy>
{more}    <i name="e_fr_energy"> {free:16.8f} </i>
    <i name="e_wo_entrp"> {without:16.8f} </i>
    <i name="e_0_energy"> {zero:16.8f} </i>
   </energy>
  </scstep>
"""
ENERGY = """  <energy>
   <i name="e_fr_energy"> {free:16.8f} </i>
   <i name="e_wo_entrp"> {without:16.8f} </i>
   <i name="e_0_energy"> {zero:16.8f} </i>
   <i name="kinetic">      8.10000000 </i>
   <i name="lattice kinetic">      0.00000000 </i>
   <i name="nosepot">     -0.03330618 </i>
   <i name="nosekinetic">      0.00284107 </i>
   <i name="total">   -321.99391918 </i>
  </energy>
  <time name="totalsc">   12.07   12.68</time>
"""


def write_files(folder: Path, options: argparse.Namespace) -> dict[str, Path]:
    """Write the run plain and compressed."""
    files = {"plain": folder / "vasprun.xml", "gz": folder / "vasprun.xml.gz"}
    with files["plain"].open("wb") as plain, gzip.open(files["gz"], "wb") as packed:
        for text in text_of_run(options):
            plain.write(text.encode())
            packed.write(text.encode())
    size = files["plain"].stat().st_size / 1e6
    print(f"{options.steps} steps of {options.atoms} atoms, {size:.1f} MB", file=sys.stderr)
    return files


def text_of_run(options: argparse.Namespace) -> Iterator[str]:
    random, n = np.random.default_rng(options.seed), options.atoms
    rows = "\n".join(["    <rc><c>Cu</c><c>   1</c></rc>"] * n)
    yield HEAD.format(atoms=n, rows=rows, electrons=11 * n, steps=options.steps)
    vectors = "   <v>  %16.8f %16.8f %16.8f </v>\n" * n
    place = random.uniform(0, 1, 3 * n)
    first = vectors % tuple(place)
    crystal = CRYSTAL.format(basis=BASIS)
    yield f' <structure name="initialpos" >\n{crystal}'
    yield f'  <varray name="positions" >\n{first}  </varray>\n </structure>\n'
    stress = "   <v>  %16.8f %16.8f %16.8f </v>\n" * 3
    for _ in range(options.steps):
        place = (place + random.normal(0, 0.002, 3 * n)) % 1
        energies = random.normal(-230, 1, (random.integers(5, 9), 3)).round(8)
        scf = [dict(zip(("free", "without", "zero"), row, strict=True)) for row in energies]
        yield " <calculation>\n"
        for number, one in enumerate(scf):
            more = FIRST_SCF if number in (0, len(scf) - 1) else ""
            yield SCF.format(more=more, **one)
        yield f'  <structure>\n{crystal}  <varray name="positions" >\n'
        yield vectors % tuple(place)
        yield '  </varray>\n  </structure>\n  <varray name="forces" >\n'
        yield vectors % tuple(random.normal(0, 1, 3 * n))
        yield '  </varray>\n  <varray name="stress" >\n'
        yield stress % tuple(random.normal(0, 30, 9))
        yield f"  </varray>\n{ENERGY.format(**scf[-1])} </calculation>\n"
    yield f' <structure name="finalpos" >\n{crystal}'
    yield f'  <varray name="positions" >\n{vectors % tuple(place)}  </varray>\n </structure>\n'
    yield "</modeling>\n"
