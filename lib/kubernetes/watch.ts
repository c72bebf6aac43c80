import { Construct } from 'constructs';
import { IPlatform, PlatformThresholds, PlatformWatch } from '../core/platform';

/** Makes what watches pods and the objects behind them. */
export function watchCluster(_scope: Construct, _platform: IPlatform, _thresholds: PlatformThresholds): PlatformWatch {
  return { observability: [], containers: [] };
}
