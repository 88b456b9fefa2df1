#!/usr/bin/env python3
"""Writes a table of a million rows (or as many as asked for) to explore: ten classes of Gaussian clusters with
correlated columns, some gaps and some outliers, made from a seed.

    python3 scripts/million_rows.py million.csv [--rows 1000000] [--columns 57] [--seed 1]
"""

import argparse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=57)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        import numpy
    except ImportError:
        raise SystemExit("this script needs numpy")

    draw = numpy.random.default_rng(args.seed)
    classes = [f"class {letter}" for letter in "abcdefghij"]
    means = draw.normal(0, 2, (len(classes), args.columns))
    mixing = draw.normal(0, 1, (args.columns, args.columns)) / args.columns**0.5
    block = 10_000
    with open(args.output, "w") as file:
        header = [f"feature_{index + 1}" for index in range(args.columns)]
        file.write(",".join(["filename", *header, "label"]) + "\n")
        for start in range(0, args.rows, block):
            count = min(block, args.rows - start)
            of = draw.integers(0, len(classes), count)
            values = means[of] + draw.normal(0, 1, (count, args.columns)) @ mixing
            gaps = draw.random((count, args.columns)) < 1e-4
            far = draw.random(count) < 1e-4
            values[far] *= 20
            lines = []
            for row in range(count):
                cells = [f"{value:.6g}" for value in values[row]]
                for column in numpy.flatnonzero(gaps[row]):
                    cells[column] = ""
                lines.append(f"clip{start + row:07d}.wav,{','.join(cells)},{classes[of[row]]}\n")
            file.writelines(lines)


if __name__ == "__main__":
    main()
