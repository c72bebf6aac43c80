import { Severity } from '../core/observability';
import { toYaml } from '../core/yaml';
import { AlertReceiver } from './alert-receiver';

/** What {@link renderAlertmanagerConfig} takes. */
export interface AlertmanagerConfigProps {
  readonly receivers: readonly AlertReceiver[];
  readonly heartbeat?: AlertReceiver;
  /** Seconds to wait for more alerts of a group before the first message. */
  readonly groupWait: number;
  /** Seconds between two messages about a group that changes. */
  readonly groupInterval: number;
  /** Minutes between two messages about an alert that goes on. */
  readonly repeatMinutes: number;
  /** Seconds between two heartbeats. */
  readonly heartbeatSeconds: number;
}

/** Gets what nobody asked for. */
const NOBODY = 'nobody';

/** Alertmanager's configuration file. */
export function renderAlertmanagerConfig(props: AlertmanagerConfigProps): string {
  const { heartbeat } = props;
  return toYaml({
    global: { resolve_timeout: '5m' },
    route: {
      receiver: NOBODY,
      group_by: ['alertname', 'component', 'model'],
      group_wait: `${props.groupWait}s`,
      group_interval: `${props.groupInterval}s`,
      repeat_interval: `${props.repeatMinutes}m`,
      routes: [
        {
          receiver: heartbeat?.name ?? NOBODY,
          matchers: [`severity="${Severity.HEARTBEAT}"`],
          group_wait: '0s',
          group_interval: `${props.heartbeatSeconds}s`,
          // A little less: a message is repeated at the end of an interval only if this is over by then.
          repeat_interval: `${props.heartbeatSeconds - 5}s`,
        },
        ...props.receivers.map((receiver) => ({
          receiver: receiver.name,
          matchers: [`severity=~"${receiver.severities.join('|')}"`],
          continue: true,
        })),
      ],
    },
    inhibit_rules: [
      // The general alert is silent where a component has a better one about the same target.
      {
        source_matchers: [`severity="${Severity.PAGE}"`, 'alertname!~"ComponentDown|ProbeFailed"'],
        target_matchers: ['alertname=~"ComponentDown|ProbeFailed"'],
        equal: ['job', 'instance'],
      },
      // Who does not answer at all is not also slow, restarted or without traffic.
      {
        source_matchers: [`severity="${Severity.PAGE}"`, 'alertname=~".*(Down|WithoutServer)"'],
        target_matchers: [`severity="${Severity.TICKET}"`],
        equal: ['component', 'job', 'instance', 'model', 'version'],
      },
    ],
    receivers: [
      { name: NOBODY },
      ...(heartbeat === undefined ? [] : [heartbeat._config()]),
      ...props.receivers.map((receiver) => receiver._config()),
    ],
  });
}
