#!/usr/bin/env python3
"""Lists the public symbols of a module that have no doc comment: undocumented.py MODULE.symbols.json …

Symbols that the compiler makes, or whose comment comes with the protocol that asks for them, don't count.
"""

import json
import sys

# What a protocol of the standard library asks for and explains.
EXPLAINED_ELSEWHERE = {"==(_:_:)", "<(_:_:)", "hash(into:)", "description", "rawValue", "init(rawValue:)", "encode(to:)",
                       "init(from:)", "unownedExecutor", "RawValue"}


def main(paths):
    missing = []
    symbols = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            graph = json.load(file)
        for symbol in graph["symbols"]:
            if "::SYNTHESIZED::" in symbol["identifier"]["precise"] or "location" not in symbol:
                continue
            if symbol["pathComponents"][-1] in EXPLAINED_ELSEWHERE:
                continue
            symbols += 1
            if symbol.get("docComment"):
                continue
            place = symbol["location"]
            file = place["uri"].split("/Sources/")[-1]
            line = place["position"]["line"] + 1
            missing.append(f"  Sources/{file}:{line}: {'.'.join(symbol['pathComponents'])}")
    print(f"{graph['module']['name']}: {symbols} public symbols, {len(missing)} without a doc comment")
    for line in sorted(missing):
        print(line)
    return 1 if missing else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
