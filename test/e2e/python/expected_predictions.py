"""Write a file for steady_load.py: held-out rows, and what each of the given versions answers for them.

Leaves with 1 when two versions could not be told apart by their answers.
"""

import argparse
import json
import sys
from pathlib import Path

from inference import SAMPLE_PROJECT, CheckFailed, infer_path, max_difference, use_project
from registry import add_registry_options, local_probabilities, log_in


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', required=True, help='name of the model in the registry')
    parser.add_argument('--served-as', help='name of the model in the paths (the same)')
    parser.add_argument('--version', required=True, action='append', help='a version; give it once for each')
    parser.add_argument('--output', required=True, help='file to write')
    parser.add_argument('--project', default=str(SAMPLE_PROJECT), help='directory of the sample model')
    parser.add_argument('--least-difference', type=float, default=0.01, help='by which versions have to differ (0.01)')
    add_registry_options(parser)
    return parser.parse_args()


def main() -> int:
    options = parse()
    log_in(options)
    use_project(options.project)
    from data import load_split

    rows = load_split().holdout_x
    versions = {version: local_probabilities(options.model, version, rows) for version in options.version}
    names = list(versions)
    for index, left in enumerate(names):
        for right in names[index + 1 :]:
            difference = max_difference(versions[left], versions[right])
            print(f'{options.model}: versions {left} and {right} differ by up to {difference:.3f} in {len(rows)} rows')
            if difference < options.least_difference:
                raise CheckFailed(f'versions {left} and {right} cannot be told apart by their answers')
    document = {
        'path': infer_path(options.served_as or options.model),
        'columns': list(rows.columns),
        'rows': rows.to_numpy().tolist(),
        'versions': versions,
    }
    Path(options.output).write_text(json.dumps(document), encoding='utf-8')
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except CheckFailed as failure:
        sys.exit(f'failed: {failure}')
