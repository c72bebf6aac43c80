import { ConfigFile } from '../core/config-file';
import { toYaml } from '../core/yaml';
import { CollectedGroup } from './collect';
import { DATASOURCE_UID } from './constants';
import { renderDashboards } from './dashboards';

const PROVISIONING = '/etc/grafana/provisioning';
const DASHBOARDS = '/etc/grafana/dashboards';

/** Settings of Grafana, as environment variables; the password comes from a file. */
export const GRAFANA_ENVIRONMENT: Readonly<Record<string, string>> = {
  GF_SECURITY_ADMIN_PASSWORD__FILE: '/run/secrets/admin-password',
  GF_AUTH_ANONYMOUS_ENABLED: 'false',
  GF_USERS_ALLOW_SIGN_UP: 'false',
  GF_ANALYTICS_REPORTING_ENABLED: 'false',
  GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
  GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
  GF_ANALYTICS_FEEDBACK_LINKS_ENABLED: 'false',
  GF_NEWS_NEWS_FEED_ENABLED: 'false',
  GF_PLUGINS_PREINSTALL_DISABLED: 'true',
  GF_SECURITY_DISABLE_GRAVATAR: 'true',
  GF_SNAPSHOTS_EXTERNAL_ENABLED: 'false',
  GF_LOG_MODE: 'console',
};

/** Grafana's provisioning: the data source, where dashboards are, and the dashboards. */
export function grafanaFiles(
  environment: string,
  prometheusUrl: string,
  groups: readonly CollectedGroup[],
): ConfigFile[] {
  return [
    ConfigFile.text(
      `${PROVISIONING}/datasources/prometheus.yaml`,
      toYaml({
        apiVersion: 1,
        datasources: [
          {
            name: 'Prometheus',
            type: 'prometheus',
            uid: DATASOURCE_UID,
            access: 'proxy',
            url: prometheusUrl,
            isDefault: true,
            editable: false,
          },
        ],
      }),
    ),
    ConfigFile.text(
      `${PROVISIONING}/dashboards/cdktf-mlops.yaml`,
      toYaml({
        apiVersion: 1,
        providers: [
          {
            name: 'cdktf-mlops',
            type: 'file',
            folder: environment,
            disableDeletion: true,
            allowUiUpdates: false,
            options: { path: DASHBOARDS },
          },
        ],
      }),
    ),
    ...renderDashboards(environment, groups).map(({ fileName, content }) =>
      ConfigFile.text(`${DASHBOARDS}/${fileName}`, content),
    ),
  ];
}
