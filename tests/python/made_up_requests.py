"""made_up_requests.py BASE EACH INSTITUTION/PACKAGE: asks a node what its OpenAPI document allows.

Schemathesis makes EACH requests of every kind, good and bad, and looks for answers that are the server's
fault or not what the document says. A listing that is there is asked for too, so that good answers are seen.
"""
import json
import os
import subprocess
import sys
import tempfile

import requests

base, each, known = sys.argv[1:]
address = f"{base}/api/v1/openapi.json"
document = requests.get(address, timeout=30).json()
institution, package = known.split("/")
fixed = {"institution": institution, "package": package, "dataset": known, "part": "segments",
         "account": institution, "height": "1", "object": package}
seen = 0
for path, methods in document["paths"].items():
    if "get" in methods and path != "/api/v1/events/stream":
        names = [item["name"] for item in methods["get"]["parameters"] if item["required"]]
        if all(name in fixed for name in names):
            query = {item["name"]: fixed[item["name"]] for item in methods["get"]["parameters"]
                     if item["required"] and item["in"] == "query"}
            answer = requests.get(base + path.format(**fixed), params=query, timeout=30)
            told = methods["get"]["responses"]["200"]["content"]
            assert answer.status_code == 200, (path, answer.status_code, answer.text)
            assert answer.headers["content-type"].split(";")[0] in told, (path, answer.headers)
            seen += 1
assert seen >= 25, seen
print(f"{seen} operations answer 200 for what is there")
# Who waits for what nobody sent waits as long as was asked for: not here.
for item in document["paths"]["/api/v1/transactions/{transaction}"]["get"]["parameters"]:
    if item["name"] == "wait_ms":
        item["schema"]["maximum"] = 20
folder = tempfile.TemporaryDirectory()
copy = os.path.join(folder.name, "openapi.json")
with open(copy, "w", encoding="utf-8") as file:
    json.dump(document, file)
run = subprocess.run(
    [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", copy, "--url", base,
     "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
     "--exclude-path", "/api/v1/events/stream", "--phases", "examples,coverage,fuzzing", "--mode", "all",
     "--max-examples", each, "--generation-deterministic", "--suppress-health-check", "all",
     "--workers", "2", "--request-timeout", "30", "--no-color"],
    capture_output=True, text=True, check=False, cwd=folder.name)
print(run.stdout[-3000:])
if run.returncode:
    sys.exit(run.stdout[-12000:] + run.stderr)
