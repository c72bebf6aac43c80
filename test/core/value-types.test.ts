import { App, TerraformOutput, TerraformStack, Testing } from 'cdktf';
import * as fc from 'fast-check';
import { ConfigFile, Endpoint, Gpu, HealthCheck, Image, Publish, Resources, Secret, Volume } from '../../lib';
import { escapeTemplate } from '../../lib/core/escape';
import { physicalName } from '../../lib/core/names';

const stack = (context: Record<string, unknown> = {}) => new TerraformStack(new App({ context }), 'test');

describe('images', () => {
  test.each(['nginx', 'nginx:latest', 'registry.example.com/app'])('refuses the unpinned reference %s', (reference) => {
    expect(() => Image.fromRegistry(reference)).toThrow(
      `Image.fromRegistry: 'reference' is "${reference}"; pin it to a version (name:1.2.3) or a digest, or pass allowUnpinned: true`,
    );
    expect(Image.fromRegistry(reference, { allowUnpinned: true }).resolve(stack())).toBe(reference);
  });

  test.each(['', 'UPPER:1', 'a b:1', 'app:', 'app@sha256:12', 'http://x/y:1'])(
    'refuses the malformed %j',
    (reference) => {
      expect(() => Image.fromRegistry(reference)).toThrow(/write it as \[host/);
    },
  );

  test('takes a digest for a pin', () => {
    const reference = `ghcr.io/org/app@sha256:${'a'.repeat(64)}`;
    expect(Image.fromRegistry(reference).resolve(stack())).toBe(reference);
  });

  test('a catalog entry resolves to its pinned upstream, a mirror prefixes it, an override replaces it', () => {
    const image = Image.fromCatalog('postgres');
    expect(image.resolve(stack())).toBe('postgres:17.6');
    expect(image.resolve(stack({ 'cdktf-mlops:imageMirror': 'mirror.example.com/hub' }))).toBe(
      'mirror.example.com/hub/postgres:17.6',
    );
    expect(image.resolve(stack({ 'cdktf-mlops:images': { postgres: 'own/pg:17' } }))).toBe('own/pg:17');
  });

  test('names the known keys when the catalog has none such', () => {
    expect(() => Image.fromCatalog('postgre')).toThrow(/'key' is "postgre"; use one of: alertmanager, .*postgres,/);
  });
});

describe('quantities', () => {
  test('reads memory in bytes and processors in thousandths', () => {
    const resources = Resources.of({ cpu: '1.5', memory: '512Mi', gpu: Gpu.all() });
    expect([resources.cpuMillis, resources.memoryBytes]).toEqual([1500, 512 * 2 ** 20]);
  });

  test.each(['512', '0', '-1Gi', '1 Gi', '1gb', '1GiB', 'lots', ''])('refuses memory %j', (memory) => {
    expect(() => Resources.of({ memory })).toThrow(/Resources\.of: 'memory' is/);
  });

  test.each(['0', '5m', '-1', '1.2345', '1 core', 'm', ''])('refuses cpu %j', (cpu) => {
    expect(() => Resources.of({ cpu })).toThrow(/Resources\.of: 'cpu' is/);
  });
});

describe('ports, paths and URLs', () => {
  test.each([0, 65536, -1, 80.5, NaN])('refuses port %p', (port) => {
    expect(() => Publish.onLoopback(port)).toThrow(/want a whole number from 1 to 65535/);
  });

  test.each(['relative', '/a/../b', '/a b', '/a/', ''])('refuses the path %j', (path) => {
    expect(() => ConfigFile.text(path, 'x')).toThrow(/write an absolute path/);
    expect(() => Volume.scratch(path)).toThrow(/write an absolute path/);
  });

  test('reads an existing endpoint and its default port', () => {
    expect(Endpoint.fromUrl('https://mlflow.example.com/tracking/').url).toBe(
      'https://mlflow.example.com:443/tracking',
    );
    expect(() => Endpoint.fromUrl('https://user:pw@host')).toThrow(/without user/);
  });

  test('refuses a health path that would break the probe', () => {
    expect(() => HealthCheck.http("/x' ; rm", 80)).toThrow(/encode what a URL must encode/);
  });
});

describe('health checks', () => {
  test('have the documented defaults', () => {
    expect(HealthCheck.http('/', 80)).toMatchObject({
      intervalSeconds: 5,
      timeoutSeconds: 4,
      retries: 3,
      startSeconds: 120,
    });
  });

  test('can be left out only with a reason', () => {
    expect(() => HealthCheck.none(' ')).toThrow(/say why/);
  });
});

describe('secrets', () => {
  test('a literal is refused, and its value is not in the message', () => {
    expect(() => Secret.fromToken(stack(), 's', 'hunter2')).toThrow(/hand in an attribute of a resource/);
    expect(() => Secret.fromToken(stack(), 's', 'hunter2')).not.toThrow(/hunter2/);
  });

  test('a template names only secrets that are given', () => {
    const s = stack();
    const one = Secret.generated(s, 'one');
    const { value } = Secret.fromTemplate(s, 'all', 'x {one} y', { one });
    new TerraformOutput(s, 'out', { value, sensitive: true });
    const { output } = JSON.parse(Testing.synth(s)) as { output: { out: { value: string } } };
    expect(output.out.value).toMatch(/^\$\{join\("", \["x ", random_password\.one_\w+\.result, " y"\]\)\}$/);
    expect(() => Secret.fromTemplate(s, 'bad', '{two}', { one })).toThrow(/'template' is "two"; use one of: one/);
  });

  test.each([8, 1000, 20.5])('refuses a length of %p', (length) => {
    expect(() => Secret.generated(stack(), 's', { length })).toThrow(/'length' is/);
  });
});

describe('physical names', () => {
  test('are at most 63 characters, valid DNS labels, and the same for the same input', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { maxLength: 6 }), (parts) => {
        const name = physicalName('staging', parts);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect(name.length).toBeLessThanOrEqual(63);
        expect(physicalName('staging', parts)).toBe(name);
      }),
    );
  });

  test('stay apart when they differ only behind the cut', () => {
    const long = 'x'.repeat(80);
    expect(physicalName('e', [`${long}a`])).not.toBe(physicalName('e', [`${long}b`]));
  });
});

describe('template escaping', () => {
  test("escapes Terraform's signs and spares tokens", () => {
    expect(escapeTemplate('${a} %{if} $HOME ${TfToken[TOKEN.1]}')).toBe('$${a} %%{if} $HOME ${TfToken[TOKEN.1]}');
  });
});
