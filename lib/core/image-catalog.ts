/**
 * The software this library deploys, pinned. `upstream` images are public; `own` images are built from
 * `images/<key>` by `cdktf-mlops images`, because upstream lacks what is needed (MLflow's image has no PostgreSQL, S3
 * or auth extras; Jenkins' has no plugins).
 */
export const IMAGE_CATALOG: Readonly<Record<string, CatalogEntry>> = {
  alertmanager: { upstream: 'prom/alertmanager:v0.28.1' },
  'blackbox-exporter': { upstream: 'prom/blackbox-exporter:v0.26.0' },
  backup: { own: 'cdktf-mlops/backup:17.6-1' },
  busybox: { upstream: 'busybox:1.37.0' },
  cadvisor: { upstream: 'gcr.io/cadvisor/cadvisor:v0.53.0' },
  grafana: { upstream: 'grafana/grafana:12.1.1' },
  haproxy: { upstream: 'haproxy:3.0.11-alpine' },
  jenkins: { own: 'cdktf-mlops/jenkins:2.568.2-1' },
  'kube-state-metrics': { upstream: 'registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.18.0' },
  mlflow: { own: 'cdktf-mlops/mlflow:3.17.2-1' },
  'model-runtime': { own: 'cdktf-mlops/model-runtime:3.17.2-1' },
  'node-exporter': { upstream: 'prom/node-exporter:v1.9.1' },
  postgres: { upstream: 'postgres:17.6' },
  'postgres-exporter': { upstream: 'quay.io/prometheuscommunity/postgres-exporter:v0.17.1' },
  prometheus: { upstream: 'prom/prometheus:v2.53.5' },
  pushgateway: { upstream: 'prom/pushgateway:v1.11.1' },
  registry: { upstream: 'registry:2.8.3' },
  s3: { upstream: 'versity/versitygw:v1.8.0' },
};

/** Where the image of a catalog entry comes from. */
export interface CatalogEntry {
  readonly upstream?: string;
  readonly own?: string;
}
