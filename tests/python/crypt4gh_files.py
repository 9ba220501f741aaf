#!/usr/bin/env python3
"""The reference client of Crypt4GH, as a user calls it.

    crypt4gh_files.py keys FOLDER PASSWORD        FOLDER/theirs.{sec,pub}, and FOLDER/bare.{sec,pub} without one
    crypt4gh_files.py decrypt KEY PASSWORD IN OUT
    crypt4gh_files.py encrypt PUBLIC IN OUT
    crypt4gh_files.py public KEY PASSWORD         prints the public half, in hexadecimal digits
"""

import pathlib
import sys

from crypt4gh import lib, sodium
from crypt4gh.keys import c4gh, get_private_key, get_public_key


def private(path, password):
    return get_private_key(path, lambda: password)


def main():
    what, *rest = sys.argv[1:]
    if what == "keys":
        folder, password = pathlib.Path(rest[0]), rest[1]
        c4gh.generate(folder / "theirs.sec", folder / "theirs.pub", password.encode(), b"a comment")
        c4gh.generate(folder / "bare.sec", folder / "bare.pub", None, None)
    elif what == "decrypt":
        key, password, source, target = rest
        with open(source, "rb") as source, open(target, "wb") as target:
            lib.decrypt([(0, private(key, password), None)], source, target)
    elif what == "encrypt":
        public, source, target = rest
        writer = bytes(range(1, 33))
        with open(source, "rb") as source, open(target, "wb") as target:
            lib.encrypt([(0, writer, get_public_key(public))], source, target)
    elif what == "public":
        print(sodium.derive_pk(private(*rest)).hex())
    else:
        sys.exit(__doc__)


main()
