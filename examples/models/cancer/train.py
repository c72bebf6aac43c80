"""Train the sample model, measure it on held-out rows and log it to MLflow."""

import argparse
from importlib.metadata import version

import mlflow
import yaml
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, recall_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data import DEFAULT_SEED, SOURCE, load_split

MODEL_NAME = 'model'
# What the model needs where it is served, beside MLflow; named here, since guessing it would load the model once more.
REQUIREMENTS = [f'{name}=={version(name)}' for name in ('numpy', 'pandas', 'scikit-learn', 'scipy', 'skops')]
# scikit-learn labels malignant 0 and benign 1.
MALIGNANT, BENIGN = 0, 1


def build_estimator(config: dict, seed: int):
    """Make the estimator that a configuration describes; n_jobs stays 1, so that a run is repeatable bit by bit."""
    kind, parameters = config.get('estimator'), config.get('parameters') or {}
    if kind == 'logistic_regression':
        return make_pipeline(StandardScaler(), LogisticRegression(random_state=seed, **parameters))
    if kind == 'random_forest':
        return RandomForestClassifier(random_state=seed, n_jobs=1, **parameters)
    raise SystemExit(f"config: 'estimator' is {kind!r}, wanted 'logistic_regression' or 'random_forest'")


def evaluate(target, probabilities) -> dict[str, float]:
    """Measure probabilities, one column for each label, against the true labels."""
    predicted = probabilities.argmax(axis=1)
    benign = probabilities[:, BENIGN]
    return {
        'accuracy': accuracy_score(target, predicted),
        'roc_auc': roc_auc_score(target, benign),
        'log_loss': log_loss(target, probabilities),
        'brier_score': brier_score_loss(target, benign),
        'f1': f1_score(target, predicted),
        # The error that costs most: a malignant case that is called benign.
        'malignant_recall': recall_score(target, predicted, pos_label=MALIGNANT),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', default='config/baseline.yaml', help='YAML file with estimator and parameters')
    parser.add_argument('--seed', type=int, default=DEFAULT_SEED, help='seed of the split and of the estimator')
    arguments = parser.parse_args()

    with open(arguments.config, encoding='utf-8') as file:
        config = yaml.safe_load(file)
    split = load_split(arguments.seed)
    estimator = build_estimator(config, arguments.seed)

    # Under `mlflow run` this continues the run that MLflow made for the project.
    with mlflow.start_run() as run:
        mlflow.log_params({'estimator': config['estimator'], **(config.get('parameters') or {})})
        mlflow.log_params({'rows_train': len(split.train_x), 'rows_holdout': len(split.holdout_x)})
        mlflow.log_param('data_fingerprint', split.fingerprint)
        # Tags that begin with `mlops.` are carried over to the registered version.
        mlflow.set_tags({'mlops.data_fingerprint': split.fingerprint, 'mlops.data_source': SOURCE})
        mlflow.set_tag('mlops.config', arguments.config)
        mlflow.log_artifact(arguments.config)
        dataset = mlflow.data.from_pandas(
            split.train_x.assign(target=split.train_y.astype(float)), name='breast_cancer', targets='target'
        )
        mlflow.log_input(dataset, context='training')

        estimator.fit(split.train_x, split.train_y)
        probabilities = estimator.predict_proba(split.holdout_x)
        metrics = evaluate(split.holdout_y, probabilities)
        mlflow.log_metrics(metrics)
        mlflow.sklearn.log_model(
            estimator,
            name=MODEL_NAME,
            # The model server answers what this function returns: one probability for each label.
            pyfunc_predict_fn='predict_proba',
            signature=infer_signature(split.train_x, probabilities),
            input_example=split.holdout_x.head(2),
            pip_requirements=REQUIREMENTS,
            # The skops format loads no type that is not named; a forest needs this one. Our own training wrote the file.
            skops_trusted_types=['sklearn.tree._tree.Tree'] if config['estimator'] == 'random_forest' else None,
        )

    print(f'run {run.info.run_id}: {config["estimator"]} on {len(split.train_x)} rows')
    for name, value in sorted(metrics.items()):
        print(f'  {name:<17} {value:.4f}')


if __name__ == '__main__':
    main()
