"""Sends a file with tuspy, which stops at a third of it and goes on with a new client: tuspy_upload.py ENDPOINT KEY SECRET PATH CHECKSUM. Prints the upload's URL."""

import sys

from tusclient.client import TusClient

endpoint, key, secret, path, checksum = sys.argv[1:]


def uploader(url=None):
    client = TusClient(endpoint, headers={"Authorization": f"Bearer {key}", "X-API-Secret": secret})
    return client.uploader(path, url=url, chunk_size=3_000_000, metadata={"filename": "by-tuspy.bin"}, upload_checksum=checksum == "yes")


first = uploader()
first.upload(stop_at=first.get_file_size() // 3)
second = uploader(first.url)
second.upload()
print(first.url)
