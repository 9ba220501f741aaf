"""check_odrl.py FILE: reads a policy in JSON-LD with rdflib, offline, and holds it against ODRL's
vocabulary, as rdflib has it from the W3C, and its information model. Prints what each rule says."""

import sys

import rdflib
from rdflib import Graph, RDF, URIRef
from rdflib.namespace import ODRL2

# Literals are compared as they are written.
rdflib.NORMALIZE_LITERALS = False
BASE = "http://www.w3.org/ns/odrl/2/"
# Properties of the information model that a rule or a constraint has exactly once.
CONSTRAINT = [ODRL2.leftOperand, ODRL2.operator, ODRL2.rightOperand]


def terms(graph):
    for triple in graph:
        for part in triple:
            if isinstance(part, URIRef) and str(part).startswith(BASE):
                yield str(part)[len(BASE):]


def main():
    graph = Graph().parse(sys.argv[1], format="json-ld")
    for term in sorted(set(terms(graph))):
        assert ODRL2[term] in ODRL2, f"{term} is no term of ODRL"
    offers = list(graph.subjects(RDF.type, ODRL2.Offer))
    assert len(offers) == 1, f"{len(offers)} offers"
    offer = offers[0]
    for one in (ODRL2.uid, ODRL2.target, ODRL2.assigner, ODRL2.profile):
        assert len(list(graph.objects(offer, one))) == 1, one
    permissions = list(graph.objects(offer, ODRL2.permission))
    assert permissions, "an offer permits something"
    prohibitions = list(graph.objects(offer, ODRL2.prohibition))
    for rule in permissions + prohibitions:
        assert len(list(graph.objects(rule, ODRL2.action))) == 1
    for permission in permissions:
        duties = list(graph.objects(permission, ODRL2.duty))
        paid = [
            amount
            for duty in duties
            for action in graph.objects(duty, ODRL2.action)
            for refinement in graph.objects(action, ODRL2.refinement)
            if (refinement, ODRL2.leftOperand, ODRL2.payAmount) in graph
            for amount in graph.objects(refinement, ODRL2.rightOperand)
        ]
        assert len(paid) == 1, "every permission has its price"
        print("pays", int(paid[0].toPython()))
    constraints = list(graph.subjects(RDF.type, ODRL2.Constraint))
    for constraint in constraints:
        for prop in CONSTRAINT[:2]:
            assert len(list(graph.objects(constraint, prop))) == 1, prop
        right = sorted(str(value) for value in graph.objects(constraint, CONSTRAINT[2]))
        assert right
        left = graph.value(constraint, ODRL2.leftOperand)
        operator = graph.value(constraint, ODRL2.operator)
        print("constraint", left.split("/")[-1], operator.split("/")[-1], " ".join(right))
    for prohibition in prohibitions:
        print("prohibits", graph.value(prohibition, ODRL2.action))
    print("rules", len(permissions), len(prohibitions))


main()
