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
import { Schedule } from '../core/schedule';
import { Secret } from '../core/secret';

/*
 * One struct for each component. All have in common: `enabled` leaves a component out, `existing` takes one that is
 * there already (shared with another environment, or not ours at all), `port` publishes it on this machine (loopback),
 * `host` by a name through a cluster's ingress controller, `cpu` and `memory` limit it, `alerts` says when to tell
 * somebody.
 */

/** How a cluster's ingress controller routes to the components that have a `host`. */
export interface IngressConfiguration {
  /** Name of the ingress class. @default - the cluster's default */
  readonly className?: string;
  /**
   * Secret of the type `kubernetes.io/tls` in the environment's namespace, with a certificate for all of the hosts.
   * @default - plain HTTP
   */
  readonly tlsSecretName?: string;
}

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
  /** Host name through the ingress controller, in the place of `port`. @default - none */
  readonly host?: string;
  /** Servers. @default - two where the environment is highly available and runs in a cluster, else one */
  readonly replicas?: number;
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
  /** Host name through the ingress controller, in the place of `port`. @default - none */
  readonly host?: string;
  /** Gateways. @default - two where the environment is highly available and runs in a cluster, else one */
  readonly replicas?: number;
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
  /** Capacity to ask for. @default 50Gi */
  readonly storage?: string;
}

/** Jenkins. */
export interface JenkinsConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /** Use this one rather than make one. @default - made */
  readonly existing?: IJenkins;
  /** Port on loopback. @default - not published */
  readonly port?: number;
  /** Host name through the ingress controller, in the place of `port`. @default - none */
  readonly host?: string;
  /** Capacity to ask for. @default 20Gi */
  readonly storage?: string;
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
  /** Capacity to ask for, for metrics; the oldest go when four fifths of it are used. @default 10Gi */
  readonly storage?: string;
  /** Port of Prometheus on loopback. @default - not published */
  readonly prometheusPort?: number;
  /** Port of Alertmanager on loopback. @default - not published */
  readonly alertmanagerPort?: number;
  /** Port of Grafana on loopback. @default - not published */
  readonly grafanaPort?: number;
  /** Host name of Grafana through the ingress controller, in the place of `grafanaPort`. @default - none */
  readonly grafanaHost?: string;
  /** Thresholds of the alerts about machine, containers, targets and database. @default - the default of each */
  readonly alerts?: MonitoringAlerts;
}

/** Scheduled backups of the registry's database and artifacts. */
export interface BackupsConfiguration {
  /** @default true */
  readonly enabled?: boolean;
  /**
   * Where backups go. A bucket elsewhere (`ArtifactStore.fromBucket`), at another provider or in another region, is
   * safer: it outlives the loss of the machine or of the cluster.
   * @default - a second store on a volume of its own, which helps against mistakes and against the loss of one volume
   */
  readonly target?: IArtifactStore;
  /** Capacity to ask for, of the second store. @default 50Gi */
  readonly storage?: string;
  /** When a backup is made. @default - daily at 02:30 UTC */
  readonly schedule?: Schedule;
  /** How many backups of the database are kept. @default 14 */
  readonly keep?: number;
}
