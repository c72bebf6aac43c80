import { Workload } from '../core/workload';
import { bindings } from './bindings';
import { Made } from './made';
import { millis } from './pod';

/** Scales a workload's deployment by the processor time that its pods use. */
export function makeAutoscaler(workload: Workload, made: Made, deployment: string): void {
  const { minReplicas, maxReplicas, cpuPercent } = workload.props.autoscaling!;
  const cpu = Math.ceil((workload.props.resources!.cpuMillis! * (cpuPercent ?? 80)) / 100);
  new bindings.HorizontalPodAutoscalerV2(workload, 'autoscaler', {
    metadata: { ...made.metadata, name: made.name },
    spec: {
      minReplicas,
      maxReplicas,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment },
      metric: [
        {
          type: 'Resource',
          // Not a share of what is requested: that is less than what it may use.
          resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: millis(cpu) } },
        },
      ],
    },
    lifecycle: made.lifecycle,
  });
}
