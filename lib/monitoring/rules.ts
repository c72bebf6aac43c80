import { toYaml } from '../core/yaml';
import { CollectedGroup } from './collect';
import { slug } from './slug';

/** Prometheus' rules file: one group for each component. */
export function renderRules(groups: readonly CollectedGroup[]): string {
  return toYaml({
    groups: groups
      .filter((group) => group.alerts.length > 0)
      .map((group) => ({
        name: slug(group.component),
        rules: group.alerts.map((alert) => ({
          alert: alert.name,
          expr: alert.expr,
          ...(alert.forDuration === undefined ? {} : { for: alert.forDuration }),
          labels: {
            severity: alert.severity,
            // A series that says which component it is about knows better than the rule.
            component: `{{ with $labels.component }}{{ . }}{{ else }}${group.component}{{ end }}`,
          },
          annotations: { summary: alert.summary, runbook: alert.runbook },
        })),
      })),
  });
}
