import { AlertRule, DashboardPanel, Severity } from './observability';
import { selector } from './promql';

/** Metrics of containers, as cAdvisor and kubelets name them alike. */
export const CONTAINER_METRICS = {
  memory: 'container_memory_working_set_bytes',
  cpu: 'container_cpu_usage_seconds_total',
  received: 'container_network_receive_bytes_total',
  sent: 'container_network_transmit_bytes_total',
} as const;

/** What {@link containerAlerts} and {@link containerPanels} take. */
export interface ContainerSeries {
  /** Job whose series carry `workload`. */
  readonly job: string;
  /** Bytes of memory that each container may use. */
  readonly memoryLimit: string;
  /** Labels that a container's use and its limit have in common. @default - all */
  readonly limitOn?: string;
  /** Restarts of each container within 15 minutes. */
  readonly restarts: string;
  /** Label that tells the containers of one workload apart. */
  readonly replica: string;
  /** Bytes per second by `workload`, of a counter. @default - the counter's series carry `workload` */
  readonly network?: (metric: string) => string;
  /** The event without which there is nothing about networks. @default - none */
  readonly networkNeeds?: string;
}

/** A container that uses nearly all of the memory that it may. */
export function memoryNearLimit(series: ContainerSeries, memoryShare: number): AlertRule {
  return {
    name: 'ContainerMemoryNearLimit',
    expr: `${shareOfLimit(series)} > ${memoryShare}`,
    forDuration: '5m',
    severity: Severity.TICKET,
    summary: '{{ $labels.workload }} uses {{ $value | humanizePercentage }} of its memory limit.',
    runbook: 'Raise its limit, or look for a leak: at the limit the kernel kills it.',
  };
}

/** What containers use, alike on every platform. */
export function containerPanels(series: ContainerSeries): DashboardPanel[] {
  const { job, restarts, replica } = series;
  const rateBy = (metric: string) => `sum by (workload) (rate(${selector(metric, { job })}[2m]))`;
  const network = series.network ?? rateBy;
  const legend = `{{${replica}}}`;
  return [
    { title: 'Memory of its limit', unit: 'percentunit', queries: [{ expr: shareOfLimit(series), legend }] },
    { title: 'Memory', unit: 'bytes', queries: [{ expr: selector(CONTAINER_METRICS.memory, { job }), legend }] },
    { title: 'Processor', unit: 'short', queries: [{ expr: rateBy(CONTAINER_METRICS.cpu), legend: '{{workload}}' }] },
    {
      title: 'Restarts within 15 minutes',
      unit: 'short',
      queries: [{ expr: `sum by (workload) (${restarts})`, legend: '{{workload}}' }],
    },
    {
      title: 'Network',
      unit: 'Bps',
      queries: [
        { expr: network(CONTAINER_METRICS.received), legend: '{{workload}} received' },
        { expr: network(CONTAINER_METRICS.sent), legend: '{{workload}} sent' },
      ],
      needs: series.networkNeeds,
    },
  ];
}

function shareOfLimit({ job, memoryLimit, limitOn }: ContainerSeries): string {
  const match = limitOn === undefined ? '' : ` on (${limitOn})`;
  return `${selector(CONTAINER_METRICS.memory, { job })} /${match} (${memoryLimit} > 0)`;
}
