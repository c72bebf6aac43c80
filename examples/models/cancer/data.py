"""The data of the sample model: the Wisconsin breast cancer measurements that ship with scikit-learn.

Training and checking call the same `load_split`, so a row that the check asks for was never seen in training.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

DEFAULT_SEED = 7
HOLDOUT_FRACTION = 0.3
SOURCE = 'scikit-learn:load_breast_cancer'


@dataclass(frozen=True)
class Split:
    """Training and held-out rows, and what identifies the data that they come from."""

    train_x: pd.DataFrame
    train_y: pd.Series
    holdout_x: pd.DataFrame
    holdout_y: pd.Series
    fingerprint: str
    """`sha256:` and the digest of column names, values and labels of the whole data set, before the split."""


def fingerprint(features: pd.DataFrame, target: pd.Series) -> str:
    """Identify a data set by its content: the same rows in the same order give the same text on every machine."""
    digest = hashlib.sha256()
    digest.update('\n'.join([*features.columns, str(target.name)]).encode())
    digest.update(np.ascontiguousarray(features.to_numpy(), dtype='<f8').tobytes())
    digest.update(np.ascontiguousarray(target.to_numpy(), dtype='<i8').tobytes())
    return f'sha256:{digest.hexdigest()}'


def load_split(seed: int = DEFAULT_SEED) -> Split:
    """Load the data and split it, stratified by label; one seed gives one split."""
    features, target = load_breast_cancer(return_X_y=True, as_frame=True)
    train_x, holdout_x, train_y, holdout_y = train_test_split(
        features, target, test_size=HOLDOUT_FRACTION, random_state=seed, stratify=target
    )
    return Split(
        train_x=train_x.reset_index(drop=True),
        train_y=train_y.reset_index(drop=True),
        holdout_x=holdout_x.reset_index(drop=True),
        holdout_y=holdout_y.reset_index(drop=True),
        fingerprint=fingerprint(features, target),
    )
