import { join } from 'node:path';
import { Docker, LABEL, label } from '../../lib/cli/docker';
import { heldOutRows } from '../../lib/cli/predict';
import { inTurn } from './measure';
import { Load, load, Request } from './load';

/** Rounds through the gateway and to the model server itself, in pairs. */
export interface Comparison {
  readonly through: Load[];
  readonly direct: Load[];
  readonly description: string;
}

/** Requests at a time. The server answers one after the other; with more it is the queue before it that is timed. */
const CONCURRENCY = 4;
const REQUESTS = 100;
const ROUNDS = 61;
/** Rows in a request. */
const ROWS = 5;

const REMEDY = 'deploy and release with `npm start`, then repeat';

/**
 * Asks one model server of a running environment for predictions, through the gateway and directly. Both are reached by
 * their addresses on Docker's network, so that they differ in the gateway only and not in how Docker publishes a port.
 *
 * @throws when the environment is not running, or stops meanwhile
 */
export async function compareGateway(environment: string): Promise<Comparison> {
  const docker = new Docker();
  const running = (await docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=workload`)).filter(
    ({ State }) => State.Health?.Status === 'healthy',
  );
  const gateway = running.find((container) => label(container, LABEL.COMPONENT) === 'gateway');
  if (gateway === undefined) throw new Error(`${environment} has no healthy gateway: ${REMEDY}`);
  const servers = running.flatMap((container) => {
    const match = /^models\/([^/]+)\/v(\d+)$/.exec(label(container, LABEL.COMPONENT) ?? '');
    return match === null ? [] : [{ container, model: match[1], version: match[2] }];
  });
  const server = servers.find(({ model }) => model === 'cancer');
  if (server === undefined) throw new Error(`${environment} has no healthy server of the model cancer: ${REMEDY}`);

  const project = join(__dirname, '../../examples/models/cancer');
  const held = await heldOutRows(docker, server.container.Image, project);
  const rows = held.rows.slice(0, ROWS);
  const body = JSON.stringify({
    inputs: held.columns.map((name, column) => ({
      name,
      shape: [rows.length, 1],
      datatype: 'FP64',
      data: rows.map((row) => row[column]),
    })),
  });
  const path = `/v2/models/${server.model}/versions/${server.version}/infer`;
  const request = async (container: string): Promise<Request> => {
    const network = `{{(index .NetworkSettings.Networks "${environment}").IPAddress}}`;
    const address = (await docker.out(['container', 'inspect', '--format', network, container])).trim();
    return { url: `http://${address}:8080${path}`, body, check: (answer) => void probabilities(answer, rows.length) };
  };
  const through = await request(gateway.Id);
  const direct = await request(server.container.Id);
  await requireSameAnswer(through, direct, rows.length);
  const { a, b } = await inTurn(
    ROUNDS,
    () => load(through, REQUESTS, CONCURRENCY),
    () => load(direct, REQUESTS, CONCURRENCY),
  );
  return {
    through: a,
    direct: b,
    description: `${ROUNDS} rounds of ${REQUESTS} predictions of ${ROWS} rows, ${CONCURRENCY} at a time`,
  };
}

async function requireSameAnswer(a: Request, b: Request, rows: number): Promise<void> {
  const answers: string[] = [];
  for (const request of [a, b]) {
    const check = (body: string): void => void answers.push(probabilities(body, rows));
    await load({ ...request, check }, 1, 1);
  }
  if (answers[0] !== answers[1]) throw new Error('gateway and model server answer differently');
}

/** The probabilities of an answer, as text. */
function probabilities(answer: string, rows: number): string {
  const { outputs } = JSON.parse(answer) as { outputs?: Array<{ shape: number[]; data: number[] }> };
  if (outputs?.[0]?.shape[0] !== rows) throw new Error(`no prediction for ${rows} rows: ${answer.slice(0, 300)}`);
  return JSON.stringify(outputs[0].data);
}
