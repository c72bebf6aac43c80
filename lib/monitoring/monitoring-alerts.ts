import { IConstruct } from 'constructs';
import { check, checkKeys } from '../core/errors';
import { checkBetween, checkShare } from './thresholds';

/** When to raise alerts about the machine, the containers and the monitoring itself. */
export interface MonitoringAlerts {
  /** Seconds for which a target must not answer. @default 60 */
  readonly downSeconds?: number;
  /** Share of a file system that must be free. @default 0.1 */
  readonly diskFreeShare?: number;
  /** Hours ahead in which a file system would be full, as it fills now. @default 24 */
  readonly diskFullHours?: number;
  /** Share of the machine's memory that must be available. @default 0.05 */
  readonly memoryFreeShare?: number;
  /** Share of a container's memory limit that it may use. @default 0.9 */
  readonly containerMemoryShare?: number;
  /** Restarts of one container within 15 minutes. @default 3 */
  readonly restarts?: number;
  /** Days of validity that a certificate must have left. @default 21 */
  readonly certificateDays?: number;
  /** Days of validity below which somebody is woken up. Less than certificateDays. @default 3 */
  readonly certificatePageDays?: number;
  /** Share of the connections that the watched database takes. @default 0.8 */
  readonly databaseConnectionShare?: number;
  /** Size of one database that is worth a look, in GiB. @default 50 */
  readonly databaseGib?: number;
}

const DEFAULTS: Required<MonitoringAlerts> = {
  downSeconds: 60,
  diskFreeShare: 0.1,
  diskFullHours: 24,
  memoryFreeShare: 0.05,
  containerMemoryShare: 0.9,
  restarts: 3,
  certificateDays: 21,
  certificatePageDays: 3,
  databaseConnectionShare: 0.8,
  databaseGib: 50,
};

/** The thresholds with their defaults, checked. */
export function monitoringAlerts(scope: IConstruct | string, given: MonitoringAlerts = {}): Required<MonitoringAlerts> {
  checkKeys(scope, 'alerts', given, Object.keys(DEFAULTS));
  const alerts = { ...DEFAULTS };
  for (const [key, value] of Object.entries(given) as [keyof MonitoringAlerts, number | undefined][]) {
    if (value !== undefined) (alerts as Record<keyof MonitoringAlerts, number>)[key] = value;
  }
  checkBetween(scope, 'alerts.downSeconds', alerts.downSeconds, 0, 86_400, 'seconds');
  checkShare(scope, 'alerts.diskFreeShare', alerts.diskFreeShare);
  checkBetween(scope, 'alerts.diskFullHours', alerts.diskFullHours, 1, 720, 'hours');
  checkShare(scope, 'alerts.memoryFreeShare', alerts.memoryFreeShare);
  checkShare(scope, 'alerts.containerMemoryShare', alerts.containerMemoryShare);
  checkBetween(scope, 'alerts.restarts', alerts.restarts, 1, 100, 'restarts');
  checkBetween(scope, 'alerts.certificateDays', alerts.certificateDays, 1, 365, 'days');
  checkBetween(scope, 'alerts.certificatePageDays', alerts.certificatePageDays, 0.1, 365, 'days');
  check(
    alerts.certificatePageDays < alerts.certificateDays,
    scope,
    'alerts.certificatePageDays',
    alerts.certificatePageDays,
    `want less than certificateDays (${alerts.certificateDays})`,
  );
  checkShare(scope, 'alerts.databaseConnectionShare', alerts.databaseConnectionShare);
  checkBetween(scope, 'alerts.databaseGib', alerts.databaseGib, 0.001, 1_000_000, 'GiB');
  return alerts;
}
