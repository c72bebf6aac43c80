import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Project } from '../../lib/cli/project';
import { temporaryDirectory } from './stack-fixture';

export const labelsOf = (component: string, kind: string): Record<string, string> => ({
  'cdktf-mlops.component': component,
  'cdktf-mlops.environment': 'production',
  'cdktf-mlops.kind': kind,
  'cdktf-mlops.stack': 'production',
});

/** The image that the fixture's workload runs. */
export const IMAGE = 'registry.example.com/app:1@sha256:abc';

/** Where the fixture's kubeconfig is. */
export const kubeconfigOf = (project: Project): string => join(project.root, 'kubeconfig');

/** What is synthesised for `production`: a namespace, a Deployment, its claim, protected, and a Service. */
export function productionStack(image = IMAGE, storageClass?: string): Record<string, unknown> {
  const metadata = (name: string, component: string, kind: string): object => ({
    name,
    namespace: '${kubernetes_namespace_v1.ns.metadata[0].name}',
    labels: labelsOf(component, kind),
  });
  const at = (path: string): object => ({ metadata: { path: `production/production/${path}` } });
  return {
    terraform: { required_providers: { kubernetes: { source: 'hashicorp/kubernetes', version: '2.38.0' } } },
    provider: { kubernetes: [{ config_path: '../../../kubeconfig', config_context: 'prod' }] },
    resource: {
      kubernetes_namespace_v1: {
        ns: { metadata: { name: 'production', labels: labelsOf('platform', 'platform') }, '//': at('platform/ns') },
      },
      kubernetes_deployment_v1: {
        registry: {
          metadata: metadata('production-registry', 'registry', 'workload'),
          spec: { replicas: '2', template: { spec: { container: [{ name: 'registry', image }] } } },
          timeouts: { create: '10m' },
          '//': at('registry/workload'),
        },
      },
      kubernetes_persistent_volume_claim_v1: {
        data: {
          metadata: metadata('production-registry-data', 'registry', 'workload'),
          spec: { ...(storageClass === undefined ? {} : { storage_class_name: storageClass }) },
          lifecycle: { prevent_destroy: true },
          '//': at('registry/volume-data'),
        },
      },
    },
  };
}

/** A project with one synthesised stack `production` on Kubernetes. */
export function kubernetesProject(stack = productionStack()): Project {
  const root = temporaryDirectory('kubernetes');
  const outDir = join(root, 'cdktf.out');
  const directory = join(outDir, 'stacks', 'production');
  mkdirSync(directory, { recursive: true });
  const manifest = { stacks: { production: { name: 'production', workingDirectory: 'stacks/production' } } };
  writeFileSync(join(outDir, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(directory, 'cdk.tf.json'), JSON.stringify(stack));
  writeFileSync(join(directory, 'terraform.tfstate'), '{"resources": [{"type": "x"}]}');
  writeFileSync(join(root, 'kubeconfig'), '{}');
  return { root, app: 'true', context: {}, outDir, dataDir: join(root, '.cdktf-mlops') };
}

/** An object as the API tells it. */
export function object(kind: string, name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { metadata = {}, ...rest } = more as { metadata?: object };
  return {
    kind,
    metadata: {
      name,
      namespace: 'production',
      uid: `uid-${name}`,
      labels: labelsOf('registry', 'workload'),
      ...metadata,
    },
    ...rest,
  };
}

/** What `kubectl get … --output=json` prints for several objects. */
export const list = (...items: object[]): string => JSON.stringify({ kind: 'List', items });

/** A state that has the fixture's Deployment, claim and namespace. */
export function productionState(uid = 'uid-production-registry', password = 'a-generated-password'): string {
  const entry = (type: string, id: string, metadata: object): object => ({
    mode: 'managed',
    type,
    name: type.includes('namespace') ? 'ns' : type.includes('claim') ? 'data' : 'registry',
    instances: [{ attributes: { id, metadata: [metadata] } }],
  });
  const namespace = 'production';
  return JSON.stringify({
    version: 4,
    resources: [
      entry('kubernetes_namespace_v1', 'production', { name: 'production', uid: 'uid-production' }),
      entry('kubernetes_deployment_v1', 'production/production-registry', {
        name: 'production-registry',
        namespace,
        uid,
        labels: labelsOf('registry', 'workload'),
      }),
      entry('kubernetes_persistent_volume_claim_v1', 'production/production-registry-data', {
        name: 'production-registry-data',
        namespace,
        uid: 'uid-production-registry-data',
        labels: labelsOf('registry', 'workload'),
      }),
      { mode: 'managed', type: 'random_password', name: 'p', instances: [{ attributes: { result: password } }] },
    ],
  });
}
