import { checkNothingRemains, destroyStack } from '../../lib/cli/destroy';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { FakePrograms, Lines } from './fake-programs';
import { fixtureProject, inspected, markDeployed, stateWith } from './stack-fixture';

const INIT = { match: /^init /, script: '/bin/mkdir -p .terraform' };
const STATE = { match: /^state pull/, stdout: JSON.stringify(stateWith('c0ffee', 'a-generated-password')) };
const NETWORKS = { match: /^network ls/, stdout: 'net-1 staging\n' };
const NOTHING = [
  { match: /^ps -a/, stdout: '' },
  { match: /^volume ls/, stdout: '' },
];

let fakes: FakePrograms;
let lines: Lines;
let session: Session;
let stack: StackFile;

beforeEach(() => {
  fakes = new FakePrograms();
  lines = new Lines();
  session = new Session(fixtureProject(), new Progress(lines), undefined);
  markDeployed(session.project);
  stack = StackFile.get(session.project, 'staging');
});

afterEach(() => fakes.restore());

test('destroying what was never deployed says so, and does nothing', async () => {
  fakes.add('terraform', [INIT, { match: /^state pull/, stdout: '' }]);
  await expect(destroyStack(session, stack, { yes: true, keepData: false })).resolves.toBe(false);
  expect(lines.text.join('')).toContain('staging: nothing is deployed');
});

test('keeping data destroys containers and networks only', async () => {
  fakes.add('terraform', [INIT, STATE, { match: /^plan /, code: 2 }, { match: /^apply / }]);
  fakes.add('docker', [...NOTHING, NETWORKS]);
  await destroyStack(session, stack, { yes: true, keepData: true });
  const plan = fakes.calls('terraform').find((call) => call.startsWith('plan')) ?? '';
  expect(plan).toContain('-destroy -target=docker_network.network_1 -target=docker_container.registry_1');
  expect(plan).not.toContain('random_password');
});

test('destroying all has no targets', async () => {
  fakes.add('terraform', [INIT, STATE, { match: /^plan /, code: 2 }, { match: /^apply / }]);
  fakes.add('docker', [...NOTHING, NETWORKS]);
  await destroyStack(session, stack, { yes: true, keepData: false });
  expect(fakes.calls('terraform').find((call) => call.startsWith('plan'))).not.toContain('-target');
});

test('ends our training runs, and leaves those of another checkout alone', async () => {
  const run = (id: string, network: string): object =>
    inspected({ Id: id, Name: `/${id}`, NetworkSettings: { Networks: { staging: { NetworkID: network } } } });
  fakes.add('terraform', [INIT, STATE]);
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'ours\ntheirs\n' },
    { match: /^container inspect/, stdout: JSON.stringify([run('ours', 'net-1'), run('theirs', 'net-2')]) },
    NETWORKS,
    { match: /^(stop|rm)/ },
  ]);
  await session.platformOf(stack).removeRuns('staging');
  const done = fakes.calls('docker').filter((call) => /^(stop|rm)/.test(call));
  expect(done).toEqual(['stop ours', 'rm --force --volumes ours']);
});

test('says when nothing is left, and what was kept', async () => {
  fakes.add('docker', [...NOTHING, { match: /^network ls/, stdout: '' }]);
  await checkNothingRemains(session, 'staging', undefined, false);
  expect(lines.text.join('')).toContain('Nothing is left');
  fakes.add('docker', [
    { match: /^volume ls/, stdout: 'staging-data staging-data\n' },
    ...NOTHING,
    { match: /^network ls/, stdout: '' },
  ]);
  await checkNothingRemains(session, 'staging', undefined, true);
  expect(lines.text.join('')).toContain('Kept, as asked: volume staging-data');
  await expect(checkNothingRemains(session, 'staging', undefined, false)).rejects.toMatchObject({
    log: ['volume staging-data'],
    remedy: expect.stringContaining('clean <stack> --force --data') as string,
  });
});
