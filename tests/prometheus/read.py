"""Reads the text format with the parser of Prometheus' own client for Python: a list of families as JSON, or the error and a failure."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

try:
    families = [
        {
            "name": family.name,
            "kind": family.type,
            "help": family.documentation,
            "samples": [{"name": sample.name, "labels": sample.labels, "value": repr(float(sample.value))} for sample in family.samples],
        }
        for family in text_string_to_metric_families(sys.stdin.read())
    ]
except ValueError as error:
    sys.exit(str(error))
json.dump(families, sys.stdout)
