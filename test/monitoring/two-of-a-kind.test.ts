import { TerraformStack } from 'cdktf';
import { IObservable } from '../../lib/core';
import { Jenkins } from '../../lib/jenkins';
import { Monitoring } from '../../lib/monitoring';
import { ArtifactStore, ContainerRegistry, Database, ModelRegistry } from '../../lib/registry';
import { Gateway } from '../../lib/serving';
import { FakePlatform, fakeStack } from '../support/fake-platform';

const KINDS: Record<string, (stack: TerraformStack, id: string, platform: FakePlatform) => IObservable> = {
  artifacts: (stack, id, platform) => new ArtifactStore(stack, id, { platform }),
  containers: (stack, id, platform) => new ContainerRegistry(stack, id, { platform }),
  database: (stack, id, platform) => new Database(stack, id, { platform }),
  gateway: (stack, id, platform) => new Gateway(stack, id, { platform }),
  jenkins: (stack, id, platform) => new Jenkins(stack, id, { platform }),
  registry: (stack, id, platform) => new ModelRegistry(stack, id, { platform }),
};

test.each(Object.entries(KINDS))('two of a kind are watched in one environment: %s', (usual, make) => {
  const { stack, platform } = fakeStack();
  const watch = [make(stack, usual, platform), make(stack, 'other', platform)];
  const { observability } = new Monitoring(stack, 'monitoring', { platform, watch });
  const jobs = observability.flatMap((one) => one.jobs ?? []).map((job) => job.name);
  expect(jobs).toEqual(expect.arrayContaining([usual, 'other']));
});
