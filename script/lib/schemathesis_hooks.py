"""Changes what schemathesis sends.

Each request comes from an address of its own: callers without credentials, and with wrong ones, are limited by address. With UPLOAD_SESSION, every other request
names that upload where it names one, so that its token opens something, and every other one of those that send a part sends one of its bytes.
"""

import hashlib
import itertools
import os

import schemathesis

NUMBERS = itertools.count(1)
# The longest time for which credentials that were replaced stay valid.
MONTH_SECONDS = 2_592_000
SESSION = os.environ.get("UPLOAD_SESSION")
# The upload's only part.
PART = b"x" * int(os.environ.get("UPLOAD_BYTES", 0))


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(NUMBERS)
    case.headers["CF-Connecting-IP"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    if case.operation.label.endswith("/keys/rotate") and isinstance(case.body, dict):
        keep_credentials(case.body)
    if SESSION and number % 2 == 0:
        name_upload(case)
        if case.operation.label.split("/api/")[-1].startswith("jetty-speed/") and number % 4 == 0:
            send_part(case)


def keep_credentials(body):
    # Without an overlap the caller's credentials would end at once, and the rest of the run would be refused.
    seconds = body.get("overlap_seconds")
    if seconds is None or (type(seconds) is int and seconds < MONTH_SECONDS):
        body["overlap_seconds"] = MONTH_SECONDS


def name_upload(case):
    for names in (case.path_parameters, case.query, case.body):
        if isinstance(names, dict) and "sessionId" in names:
            names["sessionId"] = SESSION


def send_part(case):
    if "partNumber" in case.path_parameters:
        case.path_parameters["partNumber"] = 1
    case.body = PART
    case.headers["X-Part-Number"] = "1"
    case.headers["X-Chunk-SHA256"] = hashlib.sha256(PART).hexdigest()
    for name in ("X-Upload-Id", "X-Namespace", "Content-Digest"):
        case.headers.pop(name, None)
