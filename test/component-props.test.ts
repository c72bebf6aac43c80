import { TerraformStack } from 'cdktf';
import {
  ArtifactStore,
  ContainerRegistry,
  Database,
  Gateway,
  Jenkins,
  ModelRegistry,
  ModelServer,
  Pushgateway,
  Release,
  TrainingRunner,
} from '../lib';
import { FakePlatform, fakeStack } from './support/fake-platform';

type Make = (stack: TerraformStack, platform: FakePlatform, extra: object) => unknown;

/** Props that a component needs are left out: what is misspelt is refused before anything else. */
const any = (props: object) => props as never;

const COMPONENTS: Record<string, Make> = {
  ArtifactStore: (stack, platform, extra) => new ArtifactStore(stack, 'one', any({ platform, ...extra })),
  ContainerRegistry: (stack, platform, extra) => new ContainerRegistry(stack, 'one', any({ platform, ...extra })),
  Database: (stack, platform, extra) => new Database(stack, 'one', any({ platform, ...extra })),
  Gateway: (stack, platform, extra) => new Gateway(stack, 'one', any({ platform, ...extra })),
  Jenkins: (stack, platform, extra) => new Jenkins(stack, 'one', any({ platform, ...extra })),
  ModelRegistry: (stack, platform, extra) => new ModelRegistry(stack, 'one', any({ platform, ...extra })),
  ModelServer: (stack, platform, extra) => new ModelServer(stack, 'one', any({ platform, ...extra })),
  Pushgateway: (stack, platform, extra) => new Pushgateway(stack, 'one', any({ platform, ...extra })),
  Release: (stack, platform, extra) => new Release(stack, 'one', any({ platform, ...extra })),
  TrainingRunner: (stack, platform, extra) => new TrainingRunner(stack, 'one', any({ platform, ...extra })),
};

test.each(Object.entries(COMPONENTS))('%s refuses a prop that it does not have', (_name, make) => {
  const { stack, platform } = fakeStack();
  expect(() => make(stack, platform, { storrage: '5Gi' })).toThrow(
    /^test\/one: 'props\.storrage' is not a known key; use one of: platform, /,
  );
});

test.each<[string, (props: object) => unknown]>([
  ['ArtifactStore.fromBucket', (props) => ArtifactStore.fromBucket(any(props))],
  ['Database.fromExisting', (props) => Database.fromExisting(any(props))],
  ['ModelRegistry.fromTrackingUri', (props) => ModelRegistry.fromTrackingUri(any(props))],
])('%s too', (name, from) => {
  expect(() => from({ adress: 'x' })).toThrow(`${name}: 'props.adress' is not a known key; use one of: `);
});
