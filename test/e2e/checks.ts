import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { App } from 'cdktf';
import { Observability } from '../../lib';
import { Docker } from '../../lib/cli/docker';
import { Progress } from '../../lib/cli/progress';
import { findProject } from '../../lib/cli/project';
import { buildAirgapImages, hasAirgap, prepareSupply, recordSupply } from '../../lib/cli/supply';
import { IMAGES_CONTEXT } from '../../lib/core/image';
import { listSelectors } from '../../lib/monitoring/selectors';
import { eventually, Machine, PythonRun, ROOT } from './machine';
import { declareEnvironment, ENVIRONMENT, PORTS, RELEASE_STACK } from './program/environment';
import { Settings, writeSettings } from './program/settings';
import { expect, Report } from './report';
import { SecretSearch } from './secret-search';
import { Searched, searchFiles, secretsOf } from './secret-sources';
import { services } from './services';

/** The model that is trained and served. */
export const MODEL = 'cancer';
/** The stacks of the run, in the order of their deploys. */
export const STACKS = [ENVIRONMENT, RELEASE_STACK] as const;
/** Requests for each second while a release changes. */
export const RATE = 25;

const PROJECT = join(ROOT, 'examples', 'models', MODEL);
/** Below this a model would not be worth a release. */
const ACCURACY_FLOOR = 0.9;

/** What a load counted. */
export interface LoadSummary {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly versions: Record<string, number>;
  readonly latency_ms: Record<string, number>;
  readonly by_second: Record<string, Record<string, number>>;
}

export const sum = (values: readonly number[] = []): number => values.reduce((total, value) => total + value, 0);

/** One release of the model: versions and their shares. */
export function release(shares: Record<number, number>, replicas?: number): Pick<Settings, 'release'> {
  const versions = Object.entries(shares).map(([version, share]) => ({ version: Number(version), share }));
  return {
    release: { models: { [MODEL]: { versions, ...(replicas === undefined ? {} : { replicas, cpu: '500m' }) } } },
  };
}

/** The checks that are the same wherever the environment runs. */
export class Checks<M extends Machine = Machine> {
  private current: Settings;

  /** @param gateway where clients reach the gateway */
  constructor(
    protected readonly machine: M,
    protected readonly report: Report,
    protected readonly gateway: string,
    platform: Settings['platform'],
  ) {
    this.current = { platform };
  }

  public get settings(): Settings {
    return this.current;
  }

  /** Changes what the next synth takes. */
  public change(changed: Partial<Settings>): void {
    this.current = { ...this.current, ...changed };
    writeSettings(this.machine.project.root, this.current);
  }

  /** Images and plugins as the project's own deploys use them; built here only where nothing was deployed yet. */
  public async prepare(): Promise<string> {
    const progress = new Progress();
    const project = findProject(ROOT);
    const kubernetes = this.current.platform === 'kubernetes';
    const supply = await prepareSupply(project, progress, { kubernetes });
    if (supply.supply === 'airgap' && hasAirgap(project)) {
      const docker = new Docker();
      const images = supply.context[IMAGES_CONTEXT] as Record<string, string>;
      const missing: string[] = [];
      // What only the other run uses takes minutes to compile.
      const others = kubernetes ? ['cadvisor'] : ['backup', 'kube-state-metrics'];
      for (const [key, reference] of Object.entries(images)) {
        if (!others.includes(key) && (await docker.imageId(reference)) === undefined) missing.push(key);
      }
      if (missing.length > 0) await buildAirgapImages(project, progress, missing);
    }
    recordSupply(this.machine.project, supply);
    this.change({});
    return `${supply.supply} supply`;
  }

  /** Plans stacks with Terraform itself, which has to find nothing to do. */
  public async expectEmptyPlans(stacks: readonly string[]): Promise<string> {
    for (const stack of stacks) {
      const { code, output } = await this.machine.terraform(
        stack,
        ...['plan', '-detailed-exitcode', '-input=false', '-lock=false', '-no-color'],
      );
      const changes = output.split('\n').filter((line) => /^ {2}# |^Plan:|^Error|forces replacement/.test(line));
      expect(code === 0, `terraform plan of ${stack} ends with ${code}\n${changes.join('\n')}`);
    }
    return `terraform plan -detailed-exitcode ends with 0 for ${stacks.join(' and ')}`;
  }

  public async train(config: string, version: number): Promise<string> {
    const { output, seconds } = await this.machine.command(
      ...['train', ENVIRONMENT, '--project', PROJECT, '--register', MODEL, '-P', `config=config/${config}.yaml`],
    );
    expect(output.includes(`"version":"${version}"`) || output.includes(`"version": "${version}"`), output.slice(-800));
    return `version ${version} of ${MODEL} in ${seconds.toFixed(0)} s`;
  }

  public async deployRelease(shares: Record<number, number>, replicas?: number): Promise<string> {
    this.change(release(shares, replicas));
    const { seconds } = await this.machine.command('deploy', RELEASE_STACK, '--yes');
    return `served after ${seconds.toFixed(1)} s`;
  }

  /** Asks the gateway for every held-out row and compares with the version that is loaded without any server. */
  public async predictions(version: number): Promise<string> {
    const floor = ['--accuracy-floor', String(ACCURACY_FLOOR)];
    const asked = ['--gateway', this.gateway, '--model', MODEL, '--version', String(version), ...floor];
    return lastLine(await this.machine.python('compare_predictions.py', ...asked));
  }

  /** Writes down what both versions answer, for the loads that follow. */
  public async expectPredictions(): Promise<string> {
    const asked = ['--model', MODEL, '--version', '1', '--version', '2', '--output', '/state/expected.json'];
    return lastLine(await this.machine.python('expected_predictions.py', ...asked));
  }

  public async client(): Promise<string> {
    await this.machine.python('client_flow.py', 'write', '--state', '/state/client.json');
    return this.verifyClient();
  }

  public verifyClient(): Promise<string> {
    return this.machine.python('client_flow.py', 'verify', '--state', '/state/client.json');
  }

  public refused(): Promise<string> {
    return this.machine.python('client_flow.py', 'refused');
  }

  public async targetsUp(): Promise<string> {
    const targets = await eventually('every target is up', 60, async () => {
      const all = await services.targets();
      const bad = all.filter(({ health }) => health !== 'up');
      if (bad.length > 0)
        throw new Error(bad.map((one) => `${one.labels.job}: ${one.health} ${one.lastError}`).join('; '));
      return all.some(({ labels }) => labels.job === 'models') ? all : undefined;
    });
    const jobs = new Set(targets.map(({ labels }) => labels.job));
    const declared = this.observed().flatMap(({ jobs: wanted = [] }) => wanted.map(({ name }) => name));
    const missing = declared.filter((name) => !jobs.has(name));
    expect(missing.length === 0, `jobs without a target: ${missing.join(', ')}`);
    const ups = await services.query('count(up == 1)');
    expect(ups[0]?.value === targets.length, `up == 1 for ${ups[0]?.value} of ${targets.length} targets`);
    return `${targets.length} of ${targets.length} targets of ${jobs.size} jobs`;
  }

  public async selectors(): Promise<string> {
    const listed = listSelectors(this.observed());
    const distinct = [...new Set(listed.map(({ selector }) => selector))];
    const empty = new Set<string>();
    for (const selector of distinct) {
      if ((await services.query(`count(${selector})`)).length === 0) empty.add(selector);
    }
    const bare = listed.filter(({ selector, needs }) => empty.has(selector) && needs === undefined);
    expect(
      bare.length === 0,
      `no data, and no event named:\n${bare.map((one) => `${one.selector} (${one.where})`).join('\n')}`,
    );
    const waiting = new Map<string, string>();
    for (const { selector, needs } of listed) if (empty.has(selector)) waiting.set(selector, needs!);
    for (const [selector, needs] of waiting) this.report.note(`${selector} waits for: ${needs}`);
    return `${distinct.length - empty.size} of ${distinct.length} selectors (${listed.length} places) have data, ${waiting.size} wait for an event`;
  }

  public async heartbeat(): Promise<string> {
    const beats = await eventually('two heartbeats at the webhook', 130, async () => {
      const posted = (await services.posted()).filter(({ path }) => path === '/heartbeat');
      return posted.length >= 2 ? posted : undefined;
    });
    const between = (beats[beats.length - 1].at - beats[0].at) / (beats.length - 1);
    expect(between < 90, `they come ${between.toFixed(0)} s apart, 60 s were wanted`);
    return `${beats.length} arrived, ${between.toFixed(0)} s apart`;
  }

  /** Starts a load; `summary` is the file that {@link endLoad} reads. */
  public startLoad(summary: string, ...args: string[]): Promise<PythonRun> {
    const fixed = ['--url', this.gateway, '--expected', '/state/expected.json', '--rate', String(RATE)];
    const times = ['--seconds', '900', '--summary', `/state/${summary}`];
    return this.machine.startPython('steady_load.py', ...fixed, ...times, ...args);
  }

  /** Ends a load, and returns what it counted. @throws CheckFailed when it lost a request */
  public async endLoad(load: PythonRun, summary: string): Promise<LoadSummary> {
    await load.stop();
    const { code, output } = await load.ended;
    const tail = output.trim().split('\n').slice(-8).join('\n');
    expect(code === 0, `the load ended with ${code}:\n${tail}`);
    return JSON.parse(await this.machine.readState(summary)) as LoadSummary;
  }

  /** Does something under a load of which no request may be lost. */
  public async underLoad(name: string, versions: readonly number[], action: () => Promise<string>): Promise<string> {
    const wanted = versions.flatMap((version) => ['--want-version', String(version)]);
    const load = await this.startLoad(`${name}.json`, ...wanted);
    await sleep(5_000);
    let done: string;
    try {
      done = await action();
      await sleep(5_000);
    } catch (error) {
      await load.stop();
      throw error;
    }
    return `${describeLoad(await this.endLoad(load, `${name}.json`))}; ${done}`;
  }

  public async switchRelease(): Promise<string> {
    this.report.note(await this.expectPredictions());
    return this.underLoad('switch', [1, 2], async () => {
      const served = await this.deployRelease({ 2: 100 }, this.replicas());
      return `a deploy switched 1 to 2, ${served}`;
    });
  }

  /** A secret that is put into a copy of what is synthesised has to be found. */
  public async plantedSecrets(): Promise<string> {
    const secrets = secretsOf([this.machine.state(ENVIRONMENT)]);
    const search = new SecretSearch(secrets);
    const [name, value] = Object.entries(secrets)[0];
    const forms: Record<string, string> = {
      plain: `POSTGRES_PASSWORD=${value}`,
      base64: Buffer.from(`admin:${value}`).toString('base64'),
    };
    const copy = join(this.machine.scratch, 'planted');
    mkdirSync(copy, { recursive: true });
    const synthesised = readFileSync(join(this.machine.project.outDir, 'stacks', ENVIRONMENT, 'cdk.tf.json'), 'utf8');
    for (const [encoding, text] of Object.entries(forms)) {
      const planted = synthesised.replace('"env": [', `"env": [${JSON.stringify(text)},`);
      expect(planted !== synthesised, 'there is no variable in whose place it could be planted');
      writeFileSync(join(copy, 'cdk.tf.json'), planted);
      const { found } = await searchFiles(search, 'copy', copy);
      const seen = found.some((one) => one.secret === name && one.encoding === encoding);
      expect(seen, `a secret planted as ${encoding} was not found`);
    }
    return `found in a copy of cdktf.out, ${Object.keys(forms).join(' and ')}`;
  }

  /** Says where secrets were found, and fails when they were. */
  public judgeSearch(secrets: Readonly<Record<string, string>>, size: number, searched: readonly Searched[]): string {
    for (const { where, bytes, found } of searched) {
      const what = found.map(({ secret, encoding }) => `${secret} (${encoding})`).join(', ');
      this.report.note(`${where}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${found.length === 0 ? 'nothing found' : what}`);
    }
    const leaks = searched.filter(({ found }) => found.length > 0);
    expect(leaks.length === 0, `secrets stand in ${leaks.map(({ where }) => where).join(', ')}`);
    const total = sum(searched.map(({ bytes }) => bytes));
    return `${Object.keys(secrets).length} secrets as ${size} texts, not in ${(total / 2 ** 20).toFixed(0)} MiB of ${searched.length} places`;
  }

  /** Servers of each released version. */
  protected replicas(): number | undefined {
    return this.current.release?.models[MODEL].replicas;
  }

  private observed(): readonly Observability[] {
    return declareEnvironment(new App(), { platform: this.current.platform }).monitoring!.observability;
  }
}

/** What a load counted, in one line. */
export function describeLoad({ sent, ok, failed, versions, latency_ms: latency }: LoadSummary): string {
  const by = Object.entries(versions).map(([version, count]) => `v${version} ${count}`);
  return `sent ${sent}, ok ${ok}, failed ${failed} (${by.join(', ')}) at ${RATE}/s; median ${latency.p50} ms, worst ${latency.max} ms`;
}

/** Asks a published service of the gateway's whether a version is ready. */
export async function isReady(version: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${PORTS.gateway}/v2/models/${MODEL}/versions/${version}/ready`);
  return answer.ok;
}

function lastLine(text: string): string {
  return text.split('\n').slice(-1)[0];
}
