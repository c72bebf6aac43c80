import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './command-error';
import { Docker } from './docker';
import { request } from './http';
import { ProgramResult } from './platform';
import { lastLines } from './process';

/** Rows that training never saw, and their labels. */
export interface HeldOutRows {
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly number[]>;
  readonly labels: readonly number[];
}

/** What the gateway answered for them. */
export interface PredictionResult {
  readonly rows: number;
  readonly correct: number;
  /** Versions that answered. */
  readonly versions: readonly string[];
  /** The first rows: label and probability that the model gives it. */
  readonly samples: ReadonlyArray<{ readonly label: number; readonly probability: number }>;
}

/**
 * The held-out rows of a project, from its own `data.py` (function `load_split`), computed in the image that trains:
 * it has the libraries.
 */
export function heldOutRows(docker: Docker, image: string, project: string): Promise<HeldOutRows> {
  return readHeldOutRows(project, (program) => runInImage(docker, image, program));
}

/** Runs a Python program in an image, without a network. */
export function runInImage(docker: Docker, image: string, program: string): Promise<ProgramResult> {
  // A file, because a dataclass looks for the module that it stands in.
  const script = 'cat > /tmp/rows.py && exec python3 /tmp/rows.py';
  const args = ['run', '--rm', '--interactive', '--network', 'none', '--entrypoint', 'sh', image, '-c', script];
  return docker.run(args, { input: program });
}

/**
 * The held-out rows of a project, from its own `data.py` (function `load_split`).
 *
 * @param runProgram runs a Python program in the image that trains: it has the libraries
 */
export async function readHeldOutRows(
  project: string,
  runProgram: (program: string) => Promise<ProgramResult>,
): Promise<HeldOutRows> {
  const program = [
    readFileSync(join(project, 'data.py'), 'utf8'),
    'import json',
    'split = load_split()',
    "print(json.dumps({'columns': list(split.holdout_x.columns), 'rows': split.holdout_x.to_numpy().tolist(), 'labels': [int(v) for v in split.holdout_y]}))",
  ].join('\n');
  const result = await runProgram(program);
  const remedy =
    `let ${join(project, 'data.py')} define \`load_split()\`, whose result has the tables holdout_x and holdout_y, ` +
    'and which needs nothing but what stands in the image that trains, and no network.';
  if (result.code !== 0) {
    throw new CommandError(`the held-out rows of ${project} could not be read`, {
      log: lastLines(result.stderr, 10),
      remedy,
    });
  }
  try {
    return JSON.parse(lastLines(result.stdout, 1)[0] ?? '') as HeldOutRows;
  } catch (error) {
    throw new CommandError(`the held-out rows of ${project} are not what was wanted`, {
      log: lastLines(result.stdout, 3),
      remedy,
      cause: error,
    });
  }
}

/**
 * Asks a model behind the gateway for rows, by the Open Inference Protocol v2: one named input for each column, in the
 * answer one probability for each label.
 *
 * @param token what a gateway with tokens wants to see
 * @throws CommandError when it does not answer within half a minute, or answers something else
 */
export async function predict(
  gateway: string,
  model: string,
  held: HeldOutRows,
  token?: string,
): Promise<PredictionResult> {
  const url = `${gateway}/v2/models/${model}/infer`;
  const inputs = held.columns.map((name, column) => ({
    name,
    shape: [held.rows.length, 1],
    datatype: 'FP64',
    data: held.rows.map((row) => row[column]),
  }));
  const answer = await postPatiently(url, JSON.stringify({ inputs }), token);
  const [output] = answer.outputs ?? [];
  const width = output?.shape[1] ?? 0;
  if (output === undefined || output.shape[0] !== held.rows.length || width < 1) {
    throw new CommandError(
      `${url} answered ${answer.outputs?.length ?? 0} outputs of the shape ${output?.shape.join(' x ')}`,
      {
        remedy: `one row of probabilities for each of ${held.rows.length} rows was wanted: see the log of the model server.`,
      },
    );
  }
  const probabilities = held.rows.map((_row, index) => output.data.slice(index * width, (index + 1) * width));
  const predicted = probabilities.map((row) => row.indexOf(Math.max(...row)));
  return {
    rows: held.rows.length,
    correct: predicted.filter((label, index) => label === held.labels[index]).length,
    versions: answer.model_version === undefined ? [] : [answer.model_version],
    samples: held.labels.slice(0, 3).map((label, index) => ({ label, probability: probabilities[index][label] })),
  };
}

async function postPatiently(url: string, body: string, token: string | undefined): Promise<InferAnswer> {
  let problem = '';
  let refused = false;
  for (let attempt = 0; attempt < 30; attempt++) {
    try {
      const { status, text } = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body,
        timeoutMs: 30_000,
      });
      if (status === 200) return JSON.parse(text) as InferAnswer;
      problem = `${status}: ${text.slice(0, 300)}`;
      refused = status === 401 || status === 403;
      if (status < 500 && status !== 404) break;
    } catch (error) {
      problem = (error as Error).message;
    }
    await sleep(1_000);
  }
  throw new CommandError(`the gateway does not answer ${url}`, {
    log: [problem],
    remedy: refused
      ? "it wants a token: the stack's output 'credentials' must hold one under 'gateway', as stacks/ shows."
      : '`cdktf-mlops status` shows whether gateway and model servers are healthy.',
  });
}

interface InferAnswer {
  readonly model_version?: string;
  readonly outputs?: Array<{ readonly shape: number[]; readonly data: number[] }>;
}
