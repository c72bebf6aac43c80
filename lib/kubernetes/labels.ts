/** Labels of everything that an environment has, by Kubernetes' recommended names and by this library's own. */
export interface ObjectLabels {
  /** Physical name, for example `production-registry`. */
  readonly instance: string;
  /** Component path, for example `monitoring/prometheus`. */
  readonly path: string;
  readonly environment: string;
  readonly stack: string;
  readonly kind: 'workload' | 'task' | 'job' | 'secrets' | 'publication' | 'platform';
}

/** By which label of a pod a service or a policy finds it. */
export const INSTANCE = 'app.kubernetes.io/instance';

/** A label's value holds no slash. */
export function objectLabels(of: ObjectLabels): Record<string, string> {
  const component = labelValue(of.path.replace(/\//g, '.'));
  return {
    'app.kubernetes.io/component': component,
    [INSTANCE]: of.instance,
    'app.kubernetes.io/managed-by': 'cdktf-mlops',
    'app.kubernetes.io/name': labelValue(of.path.split('/').pop()!),
    'app.kubernetes.io/part-of': of.environment,
    'cdktf-mlops.component': component,
    'cdktf-mlops.environment': of.environment,
    'cdktf-mlops.kind': of.kind,
    'cdktf-mlops.stack': labelValue(of.stack),
  };
}

function labelValue(text: string): string {
  return text.slice(0, 63).replace(/[^A-Za-z0-9]+$/, '');
}

/** CronJobs and StatefulSets add to their names what has to fit into 63 characters. */
export const MAX_NAME = 52;
