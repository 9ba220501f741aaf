"""check_standards.py BASE INSTITUTION/PACKAGE: has the field's own clients read what a node describes.

Prints a line for each client that accepted; any other outcome is an exception.
"""
import copy
import hashlib
import json
import pathlib
import sys
import warnings

import datacite.schema45
import mlcroissant
import pyshacl
import rdflib
import requests
from drs_cli.client import DRSClient
from drs_cli.models import Error

# drs-cli puts a hook of its own that leaves the place of an error out.
sys.excepthook = sys.__excepthook__
base, name = sys.argv[1:]
page = f"{base}/datasets/{name}"
package = name.split("/")[1]


def fetch(address, **headers):
    answer = requests.get(address, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer


# Croissant: as a file, and as the page embeds it.
document = fetch(f"{page}/croissant.json").json()
read = mlcroissant.Dataset(jsonld=copy.deepcopy(document))
issues = read.metadata.ctx.issues
assert not issues.errors, issues.report()
assert not issues.warnings, issues.report()
assert read.metadata.name == document["name"]
assert len(read.metadata.distribution) == 4
for file in read.metadata.distribution:
    assert hashlib.sha256(fetch(file.content_url).content).hexdigest() == file.sha256, file.name
start = '<script type="application/ld+json">'
embedded = fetch(page, Accept="text/html").text.split(start)[1].split("</script>")[0]
embedded = json.loads(embedded)
differing = [key for key in document.keys() | embedded.keys() if document.get(key) != embedded.get(key)]
assert not differing, (differing, [(document.get(key), embedded.get(key)) for key in differing])
broken = copy.deepcopy(document)
del broken["distribution"][0]["contentUrl"]
try:
    mlcroissant.Dataset(jsonld=broken)
    raise SystemExit("mlcroissant accepts a file without an address")
except mlcroissant.ValidationError:
    pass
print("mlcroissant: accepted")

# HealthDCAT-AP: two ways to write one graph, by negotiation and by name; the catalogue holds it too.
turtle = rdflib.Graph().parse(data=fetch(page, Accept="text/turtle").text, format="turtle")
linked = rdflib.Graph().parse(data=fetch(page, Accept="application/ld+json").text, format="json-ld")
assert set(turtle) == set(linked) and len(turtle) > 50
assert set(turtle) == set(rdflib.Graph().parse(data=fetch(f"{page}/dcat.ttl").text, format="turtle"))
assert set(turtle) == set(rdflib.Graph().parse(data=fetch(f"{page}/dcat.jsonld").text, format="json-ld"))
catalogue = rdflib.Graph().parse(data=fetch(f"{base}/catalogue").text, format="turtle")
dcat = rdflib.Namespace("http://www.w3.org/ns/dcat#")
assert (rdflib.URIRef(f"{base}/catalogue"), dcat.dataset, rdflib.URIRef(page)) in catalogue
assert set(turtle) <= set(catalogue)
title = turtle.value(rdflib.URIRef(page), rdflib.DCTERMS.title)
assert str(title) == document["name"], title
print(f"rdflib: accepted {len(turtle)} triples of the dataset, {len(catalogue)} of the catalogue")

shapes = rdflib.Graph().parse(pathlib.Path(__file__).parent / "healthdcat_ap.ttl", format="turtle")


def conforms(graph):
    return pyshacl.validate(graph, shacl_graph=shapes, inference="none")


for graph in (turtle, catalogue):
    valid, _, report = conforms(graph)
    assert valid, report
mandatory = [
    rdflib.DCTERMS.title, rdflib.DCTERMS.description, rdflib.DCTERMS.identifier, rdflib.DCTERMS.accessRights,
    rdflib.DCTERMS.type, rdflib.DCTERMS.provenance, rdflib.DCTERMS.publisher, dcat.theme, dcat.keyword,
    dcat.contactPoint, dcat.distribution,
    rdflib.URIRef("http://data.europa.eu/r5r/applicableLegislation"),
    *(rdflib.URIRef("http://healthdataportal.eu/ns/health#" + term)
      for term in ("healthCategory", "hdab", "hasStructuredData", "hasVariables")),
]
for term in mandatory:
    without = rdflib.Graph()
    without += turtle
    without.remove((rdflib.URIRef(page), term, None))
    assert not conforms(without)[0], f"the shapes do not ask for {term}"
print(f"pyshacl: accepted, and refuses each of {len(mandatory)} mandatory properties left out")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    datacite.schema45.validator.validate(fetch(f"{page}/datacite.json").json())
print("datacite: accepted")

# DRS: by the client, and the bytes by what it was told.
host, port = base.rsplit(":", 1)
client = DRSClient(uri=host, port=int(port))
for part in ("manifest", "layout", "leaves", "segments"):
    found = client.get_object(f"{package}.{part}")
    assert not isinstance(found, Error), found
    access = client.get_access_url(f"{package}.{part}", found.access_methods[0].access_id)
    assert not isinstance(access, Error), access
    content = fetch(access.url).content
    assert len(content) == found.size
    assert hashlib.sha256(content).hexdigest() == found.checksums[0].checksum
    assert fetch(access.url, Range="bytes=1-3").content == content[1:4]
bundle = client.get_object(package)
assert not isinstance(bundle, Error), bundle
sums = sorted(client.get_object(f"{package}.{part}").checksums[0].checksum
              for part in ("manifest", "layout", "leaves", "segments"))
assert hashlib.sha256("".join(sums).encode()).hexdigest() == bundle.checksums[0].checksum
missing = client.get_object("0" * 64)
assert isinstance(missing, Error) and missing.status_code == 404, missing
info = fetch(f"{base}/ga4gh/drs/v1/service-info").json()
assert info["type"]["artifact"] == "drs" and info["type"]["group"] == "org.ga4gh"
print("drs-cli: accepted")
