import { IJenkins } from '../jenkins/jenkins';
import { AlertReceiver } from '../monitoring/alert-receiver';
import { MonitoringAlerts } from '../monitoring/monitoring-alerts';
import { IArtifactStore } from '../registry/artifact-store';
import { IContainerRegistry } from '../registry/container-registry';
import { IDatabase } from '../registry/database';
import { IModelRegistry } from '../registry/model-registry';
import { ModelRegistryAlerts } from '../registry/registry-observability';
import { GatewayAlerts } from '../serving/gateway-observability';
import { ModelServerAlerts } from '../serving/serving-observability';
import { Secret } from '../core/secret';

/*
 * One struct for each component. All have in common: `enabled` leaves a component out, `existing` takes one that is
 * there already (shared with another environment, or not ours at all), `port` publishes it on this machine (loopback),
 * `cpu` and `memory` limit it, `alerts` says when to tell somebody.
 */

/** The database of registry and users: PostgreSQL. */
export interface DatabaseConfiguration {
  /** Use this one rather than make one. @default - made */
  readonly existing?: IDatabase;
  /** Capacity to ask for. @default 10Gi */
  readonly storage?: string;
}

/** The store of artifacts: S3. */
export interface ArtifactsConfiguration {
  /** Use this one rather than make one. @default - made */
  readonly existing?: IArtifactStore;
  /** Capacity to ask for. @default 50Gi */
  readonly storage?: string;
}

/** The model registry: MLflow. */
export interface RegistryConfiguration {
  /** Use this one rather than make one; database and artifacts are then not made either. @default - made */
  readonly existing?: IModelRegistry;
  /** Port on loopback. @default - not published */
  readonly port?: number;
  /** Host names beside localhost by which clients reach it. @default - no others */
  readonly allowedHosts?: string[];
  /** Processor limit. @default 1 */
  readonly cpu?: string;
  /** Memory limit. @default 1536Mi */
  readonly memory?: string;
  /** Thresholds of its alerts. @default - the default of each */
  readonly alerts?: ModelRegistryAlerts;
}

/** The training runner. */
export interface TrainingConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Processor limit of one run. @default 2 */
  readonly cpu?: string;
  /** Memory limit of one run. @default 4Gi */
  readonly memory?: string;
  /** Runs at once. @default 1 */
  readonly concurrency?: number;
  /** Days after which an alert says that no run has succeeded. @default 30 */
  readonly maxAgeDays?: number;
}

/** The gateway in front of the model servers: HAProxy. */
export interface GatewayConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Port on loopback. @default - not published */
  readonly port?: number;
  /** Certificate chain and key in PEM. @default - plain HTTP */
  readonly tlsCertificate?: Secret;
  /** Bearer tokens by user. @default - open */
  readonly tokens?: Record<string, Secret>;
  /** Processor limit. @default 1 */
  readonly cpu?: string;
  /** Memory limit. @default 256Mi */
  readonly memory?: string;
  /** Thresholds of its alerts. @default - the default of each */
  readonly alerts?: GatewayAlerts;
  /** Thresholds of the alerts about the model servers behind it. @default - the default of each */
  readonly modelAlerts?: ModelServerAlerts;
}

/** The registry of container images. */
export interface ContainersConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Use this one rather than make one. @default - made */
  readonly existing?: IContainerRegistry;
  /** Port on loopback. @default - not published */
  readonly port?: number;
}

/** Jenkins. */
export interface JenkinsConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Use this one rather than make one. @default - made */
  readonly existing?: IJenkins;
  /** Port on loopback. @default - not published */
  readonly port?: number;
  /** Processor limit. @default 2 */
  readonly cpu?: string;
  /** Memory limit. @default 2Gi */
  readonly memory?: string;
}

/** Prometheus, Alertmanager, Grafana and the exporters. */
export interface MonitoringConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Where alerts go. @default - they are shown by Alertmanager only */
  readonly receivers?: AlertReceiver[];
  /** Where the heartbeat goes; silence there means that the monitoring itself is down. @default - nowhere */
  readonly heartbeat?: AlertReceiver;
  /** Days that metrics are kept. @default 15 */
  readonly retentionDays?: number;
  /** Port of Prometheus on loopback. @default - not published */
  readonly prometheusPort?: number;
  /** Port of Alertmanager on loopback. @default - not published */
  readonly alertmanagerPort?: number;
  /** Port of Grafana on loopback. @default - not published */
  readonly grafanaPort?: number;
  /** Thresholds of the alerts about machine, containers, targets and database. @default - the default of each */
  readonly alerts?: MonitoringAlerts;
}
