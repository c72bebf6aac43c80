"""Ask the gateway for every held-out row and compare with the same version loaded locally.

Prints rows, largest difference and accuracy; leaves with 1 when a probability differs or the accuracy is too low.
"""

import argparse
import sys

from inference import (
    SAMPLE_PROJECT,
    CheckFailed,
    infer_path,
    max_difference,
    parse_answer,
    post,
    read_token,
    request_body,
    use_project,
)
from registry import add_registry_options, local_probabilities, log_in


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--gateway', required=True, help='base URL of the gateway, or of a model server')
    parser.add_argument('--model', required=True, help='name of the model in the registry')
    parser.add_argument('--served-as', help='name of the model in the paths (the same)')
    parser.add_argument('--version', required=True, help='version that has to answer')
    parser.add_argument('--project', default=str(SAMPLE_PROJECT), help='directory of the sample model')
    parser.add_argument('--seed', type=int, help="seed of the split (the sample model's)")
    parser.add_argument('--batch', type=int, default=1, help='rows in one request (1)')
    parser.add_argument('--tolerance', type=float, default=1e-9, help='largest difference that passes (1e-9)')
    parser.add_argument('--accuracy-floor', type=float, default=0.9, help='lowest accuracy that passes (0.9)')
    parser.add_argument('--token-file', help='file with a bearer token')
    parser.add_argument('--ca-file', help="PEM file of the authority that signed the gateway's certificate")
    add_registry_options(parser)
    return parser.parse_args()


def main() -> int:
    options = parse()
    log_in(options)
    use_project(options.project)
    from data import DEFAULT_SEED, load_split

    split = load_split(DEFAULT_SEED if options.seed is None else options.seed)
    rows, labels = split.holdout_x, list(split.holdout_y)
    expected = local_probabilities(options.model, options.version, rows)

    url = options.gateway.rstrip('/') + infer_path(options.served_as or options.model)
    token = read_token(options.token_file)
    served: list[list[float]] = []
    for start in range(0, len(rows), options.batch):
        batch = rows.iloc[start : start + options.batch]
        body = post(url, request_body({name: batch[name].tolist() for name in batch.columns}), token, options.ca_file)
        version, probabilities = parse_answer(body)
        if version != options.version:
            raise CheckFailed(f'version {version} answered, wanted {options.version}')
        served.extend(probabilities)

    difference = max_difference(served, expected)
    predicted = [row.index(max(row)) for row in served]
    accuracy = sum(a == b for a, b in zip(predicted, labels)) / len(labels)
    print(
        f'{options.model} version {options.version}: {len(served)} held-out rows, '
        f'largest difference {difference:.3g}, accuracy {accuracy:.4f}'
    )
    if not difference <= options.tolerance:
        raise CheckFailed(f'the largest difference is {difference:.3g}, wanted at most {options.tolerance:.3g}')
    if not accuracy >= options.accuracy_floor:
        raise CheckFailed(f'the accuracy is {accuracy:.4f}, wanted at least {options.accuracy_floor}')
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except CheckFailed as failure:
        sys.exit(f'failed: {failure}')
