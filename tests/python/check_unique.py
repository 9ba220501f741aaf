#!/usr/bin/env python3
"""Decides with a finite-field solver what the constraints of circuits say.

For each NAME.r1cs of a folder, NAME.json says what is to be shown, over BN254's whole scalar field:

  {"inputs": 4}                      the first 4 variables after the constant one determine all others
  {"claims": [COMBINATION, ...]}     every satisfying assignment makes these linear combinations zero
  {"one_of": [COMBINATION, ...]}     every satisfying assignment makes one of them zero
  {"zero": [COMBINATION, ...]}       assumed besides, in all these cases
  {"nonzero": [COMBINATION, ...]}    the same

where a combination is a list of [factor, variable]. That must be unsatisfiable to contradict; and
with any one constraint removed it must be satisfiable, or the constraint is not needed. With
{"lemma": true} besides, the constraints only state a lemma, and none is removed.

  {"steps": 4, "checks": 2, "quotients": 1}

says that the first 4 variables determine all others step by step: each constraint, in order, either
defines exactly one new variable, unique for all values of the others, or speaks of known ones and is
one of so many checks; so many definitions are quotients, whose denominator is assumed not to be zero.
"""
import json
import pathlib
import struct
import sys
import time

import cvc5
from cvc5 import Kind

SECONDS = 60


def read_r1cs(path):
    """The modulus, the number of variables, and the constraints of a file in iden3's format."""
    data = path.read_bytes()
    assert data[:4] == b"r1cs" and struct.unpack_from("<I", data, 4) == (1,), path
    sections, at = {}, 12
    for _ in range(struct.unpack_from("<I", data, 8)[0]):
        kind, size = struct.unpack_from("<IQ", data, at)
        sections[kind] = data[at + 12 : at + 12 + size]
        at += 12 + size
    assert at == len(data), path
    header = sections[1]
    (width,) = struct.unpack_from("<I", header)
    modulus = int.from_bytes(header[4 : 4 + width], "little")
    wires, _, _, _, _, count = struct.unpack_from("<IIIIQI", header, 4 + width)
    rows, at = [], 0
    for _ in range(count):
        sides = []
        for _ in range(3):
            (terms,) = struct.unpack_from("<I", sections[2], at)
            at += 4
            side = []
            for _ in range(terms):
                (wire,) = struct.unpack_from("<I", sections[2], at)
                side.append((int.from_bytes(sections[2][at + 4 : at + 4 + width], "little"), wire))
                at += 4 + width
            sides.append(side)
        rows.append(sides)
    assert at == len(sections[2]), path
    return modulus, wires, rows


def decide(modulus, wires, rows, wanted):
    """Whether an assignment contradicts what is to be shown."""
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    solver.setLogic("QF_FF")
    solver.setOption("tlimit", str(SECONDS * 1000))
    field = terms.mkFiniteFieldSort(str(modulus))
    constant = lambda value: terms.mkFiniteFieldElem(str(value % modulus), field)
    zero = constant(0)

    def combination(side, values):
        if not side:
            return zero
        parts = [terms.mkTerm(Kind.FINITE_FIELD_MULT, constant(int(f)), values[w]) for f, w in side]
        return parts[0] if len(parts) == 1 else terms.mkTerm(Kind.FINITE_FIELD_ADD, *parts)

    def differ(a, b):
        return terms.mkTerm(Kind.NOT, terms.mkTerm(Kind.EQUAL, a, b))

    def any_of(options):
        return options[0] if len(options) == 1 else terms.mkTerm(Kind.OR, *options)

    def copy(name, shared):
        values = list(shared)
        for wire in range(len(shared), wires):
            values.append(terms.mkConst(field, f"{name}{wire}"))
        for a, b, c in rows:
            product = terms.mkTerm(
                Kind.FINITE_FIELD_MULT, combination(a, values), combination(b, values)
            )
            solver.assertFormula(terms.mkTerm(Kind.EQUAL, product, combination(c, values)))
        for side in wanted.get("zero", []):
            solver.assertFormula(terms.mkTerm(Kind.EQUAL, combination(side, values), zero))
        for side in wanted.get("nonzero", []):
            solver.assertFormula(differ(combination(side, values), zero))
        return values

    if "inputs" in wanted:
        shared = [constant(1)] + [terms.mkConst(field, f"i{i}") for i in range(wanted["inputs"])]
        first, second = copy("a", shared), copy("b", shared)
        pairs = list(zip(first, second))[len(shared) :]
        solver.assertFormula(any_of([differ(a, b) for a, b in pairs]))
    else:
        values = copy("a", [constant(1)])
        broken = [differ(combination(side, values), zero) for side in wanted.get("claims", [])]
        if broken:
            solver.assertFormula(any_of(broken))
        for side in wanted.get("one_of", []):
            solver.assertFormula(differ(combination(side, values), zero))
    return str(solver.checkSat())


def definition(modulus, shape):
    """Whether (a·u + A)·(b·u + B) = c·u + C determines u, for the factors of u and the known parts: a
    number, or None for any value. With u in A alone, B is a denominator and assumed not to be zero."""
    names = iter(range(1, 4))
    sides = []
    for factor, known in shape:
        sides.append([(factor, 4)] + ([(known, 0)] if known is not None else [(1, next(names))]))
    (a, _), (b, known_b), (c, _) = shape
    quotient = a != 0 and b == 0 and c == 0 and known_b is None
    wanted = {"inputs": 3, "nonzero": [sides[1][1:]] if quotient else []}
    return decide(modulus, 5, [sides], wanted), quotient


def step_by_step(modulus, wires, rows, wanted):
    """Defines variable after variable. Returns what is wrong, if anything, and a line of words."""
    known = set(range(wanted["steps"] + 1))
    decided, checks, quotients = {}, 0, 0
    for number, row in enumerate(rows):
        new = {wire for side in row for factor, wire in side if factor % modulus} - known
        if not new:
            checks += 1
            continue
        if len(new) > 1:
            return f"row {number} speaks of {len(new)} new variables", ""
        (unknown,) = new
        shape = []
        for side in row:
            factor = sum(f for f, wire in side if wire == unknown) % modulus
            others = [(f, wire) for f, wire in side if wire != unknown]
            number_only = all(wire == 0 for _, wire in others)
            shape.append((factor, sum(f for f, _ in others) % modulus if number_only else None))
        shape = tuple(shape)
        if shape not in decided:
            decided[shape] = definition(modulus, shape)
        answer, quotient = decided[shape]
        if answer != "unsat":
            return f"row {number} does not determine its variable: {answer}", ""
        quotients += quotient
        known.add(unknown)
    words = f"{len(rows) - checks} definitions of {len(decided)} forms, {quotients} quotients, {checks} checks"
    if len(known) != wires:
        return f"{wires - len(known)} variables are free", words
    for name, found in (("checks", checks), ("quotients", quotients)):
        if found != wanted[name]:
            return f"{found} {name}, not {wanted[name]}", words
    return "", words


failed = 0
files = sorted(pathlib.Path(sys.argv[1]).glob("*.r1cs"))
for path in files:
    wanted = json.loads(path.with_suffix(".json").read_text())
    modulus, wires, rows = read_r1cs(path)
    start = time.monotonic()
    if "steps" in wanted:
        wrong, words = step_by_step(modulus, wires, rows, wanted)
        failed += bool(wrong)
        taken = time.monotonic() - start
        print(f"{path.stem}: {words}; {taken:.1f} s; {f'FAILED: {wrong}' if wrong else 'ok'}")
        continue
    whole = decide(modulus, wires, rows, wanted)
    without = [
        decide(modulus, wires, rows[:row] + rows[row + 1 :], wanted)
        for row in range(0 if wanted.get("lemma") else len(rows))
    ]
    needed = sum(answer == "sat" for answer in without)
    ok = whole == "unsat" and needed == len(without)
    failed += not ok
    taken = time.monotonic() - start
    print(f"{path.stem}: {whole}; {needed} of {len(without)} constraints needed; {taken:.1f} s; {'ok' if ok else f'FAILED {without}'}")
print(f"gadgets: {len(files)}, {failed} failed")
sys.exit(1 if failed or not files else 0)
