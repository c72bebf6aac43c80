import { Observability, Severity } from '../core/observability';
import { MonitoringAlerts } from './monitoring-alerts';
import { selector } from '../core/promql';

/** Job of the node exporter. */
export const MACHINE_JOB = 'machine';

/** Metrics of the node exporter. */
export const MACHINE_METRICS = {
  cpu: 'node_cpu_seconds_total',
  load: 'node_load5',
  available: 'node_memory_MemAvailable_bytes',
  memory: 'node_memory_MemTotal_bytes',
  free: 'node_filesystem_avail_bytes',
  size: 'node_filesystem_size_bytes',
  read: 'node_disk_read_bytes_total',
  written: 'node_disk_written_bytes_total',
} as const;

/** What to watch about the machine, given `host:port` of its node exporter. */
export function machineObservability(address: string, alerts: Required<MonitoringAlerts>): Observability {
  const job = MACHINE_JOB;
  const free = selector(MACHINE_METRICS.free, { job });
  const size = selector(MACHINE_METRICS.size, { job });
  const freeMemory = `${selector(MACHINE_METRICS.available, { job })} / ${selector(MACHINE_METRICS.memory, { job })}`;
  const disk = '{{ $labels.mountpoint }} on {{ $labels.instance }}';
  return {
    component: 'Machine',
    jobs: [{ name: job, targets: [address] }],
    alerts: [
      {
        name: 'DiskAlmostFull',
        expr: `${free} / ${size} < ${alerts.diskFreeShare}`,
        forDuration: '5m',
        severity: Severity.PAGE,
        summary: `Only {{ $value | humanizePercentage }} of ${disk} is free.`,
        runbook: 'Free space (old images, logs), or enlarge the disk: databases stop when it is full.',
      },
      {
        name: 'DiskFilling',
        // A steep hour on a nearly empty disk is nothing to act on.
        expr:
          `predict_linear(${free}[6h], ${alerts.diskFullHours} * 3600) < 0 ` +
          `and ${free} / ${size} < ${Math.min(0.95, alerts.diskFreeShare * 4)}`,
        forDuration: '30m',
        severity: Severity.TICKET,
        summary: `As it fills now, ${disk} is full within ${alerts.diskFullHours} hours.`,
        runbook: 'Look what grows: artifacts, logs, images, metrics. Shorten what is kept, or enlarge the disk.',
      },
      {
        name: 'MachineMemoryLow',
        expr: `${freeMemory} < ${alerts.memoryFreeShare}`,
        forDuration: '5m',
        severity: Severity.PAGE,
        summary: 'Only {{ $value | humanizePercentage }} of the memory of {{ $labels.instance }} is available.',
        runbook:
          'Look on the dashboard of the containers which one grew. Set a limit for what has none, or move something away.',
      },
    ],
    panels: [
      {
        title: 'Processor in use',
        unit: 'percentunit',
        queries: [
          {
            expr: `1 - avg by (instance) (rate(${selector(MACHINE_METRICS.cpu, { job, mode: 'idle' })}[2m]))`,
            legend: '{{instance}}',
          },
        ],
      },
      {
        title: 'Load',
        unit: 'short',
        queries: [{ expr: selector(MACHINE_METRICS.load, { job }), legend: '{{instance}}' }],
      },
      { title: 'Memory available', unit: 'percentunit', queries: [{ expr: freeMemory, legend: '{{instance}}' }] },
      {
        title: 'Disk free',
        unit: 'percentunit',
        queries: [{ expr: `${free} / ${size}`, legend: '{{instance}} {{mountpoint}}' }],
      },
      {
        title: 'Disk traffic',
        unit: 'Bps',
        needs: 'a disk that the machine shows to the exporter: some virtual machines show none',
        queries: [
          { expr: `sum(rate(${selector(MACHINE_METRICS.read, { job })}[2m]))`, legend: 'read' },
          { expr: `sum(rate(${selector(MACHINE_METRICS.written, { job })}[2m]))`, legend: 'written' },
        ],
      },
    ],
  };
}
