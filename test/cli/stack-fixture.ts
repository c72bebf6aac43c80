import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Project } from '../../lib/cli/project';

const directories: string[] = [];

afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** An empty directory that is gone when the tests of the file have run. */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `cdktf-mlops-${name}-`));
  directories.push(directory);
  return directory;
}

/** A project with one synthesised stack `staging`: a network and a published container. */
export function fixtureProject(port = 28123): Project {
  const root = temporaryDirectory('project');
  const outDir = join(root, 'cdktf.out');
  const directory = join(outDir, 'stacks', 'staging');
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    join(outDir, 'manifest.json'),
    JSON.stringify({ stacks: { staging: { name: 'staging', workingDirectory: 'stacks/staging' } } }),
  );
  const labels = Object.entries({
    'cdktf-mlops.component': 'registry',
    'cdktf-mlops.environment': 'staging',
    'cdktf-mlops.kind': 'workload',
    'cdktf-mlops.stack': 'staging',
  }).map(([label, value]) => ({ label, value }));
  writeFileSync(
    join(directory, 'cdk.tf.json'),
    JSON.stringify({
      terraform: { required_providers: { docker: { source: 'kreuzwerker/docker', version: '3.6.2' } } },
      resource: {
        docker_network: {
          network_1: { name: 'staging', labels, '//': { metadata: { path: 'staging/platform/network' } } },
        },
        docker_container: {
          registry_1: {
            name: 'staging-registry',
            labels,
            ports: [{ internal: 5000, external: port, ip: '127.0.0.1' }],
            '//': { metadata: { path: 'staging/staging/registry/Resource/container' } },
          },
        },
      },
    }),
  );
  return { root, app: 'true', context: {}, outDir, dataDir: join(root, '.cdktf-mlops') };
}

/** What `docker container inspect` prints for one container, as one line. */
export function inspected(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    Id: 'c0ffee',
    Name: '/staging-registry',
    Created: '2026-01-01T00:00:00Z',
    Image: 'sha256:abc',
    RestartCount: 0,
    State: {
      Status: 'running',
      Running: true,
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      Health: { Status: 'healthy', Log: [] },
    },
    Config: {
      Image: 'sha256:abc',
      Labels: {
        'cdktf-mlops.component': 'registry',
        'cdktf-mlops.environment': 'staging',
        'cdktf-mlops.kind': 'workload',
        'cdktf-mlops.stack': 'staging',
      },
    },
    HostConfig: { NetworkMode: 'staging' },
    NetworkSettings: { Networks: { staging: { NetworkID: 'net-1' } } },
    ...overrides,
  };
}

/** A state with one network, one container and a generated password. */
export function stateWith(containerId: string, password: string): object {
  return {
    version: 4,
    resources: [
      { mode: 'managed', type: 'docker_network', name: 'network_1', instances: [{ attributes: { id: 'net-1' } }] },
      {
        mode: 'managed',
        type: 'docker_container',
        name: 'registry_1',
        instances: [{ attributes: { id: containerId } }],
      },
      { mode: 'managed', type: 'random_password', name: 'p', instances: [{ attributes: { result: password } }] },
    ],
  };
}

/** Gives the stack of a project a local state that holds something; what is in it, a fake Terraform says. */
export function markDeployed(project: Project): void {
  writeFileSync(join(project.outDir, 'stacks', 'staging', 'terraform.tfstate'), '{"resources": [{"type": "x"}]}');
}
