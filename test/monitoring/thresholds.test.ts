import { Observability } from '../../lib/core';
import { failureShare, selector } from '../../lib/core/promql';
import { modelRegistryObservability } from '../../lib/registry/registry-observability';
import { gatewayObservability } from '../../lib/serving/gateway-observability';
import { modelServersObservability } from '../../lib/serving/serving-observability';
import { trainingObservability } from '../../lib/training/training-observability';

const gateway = (alerts?: object) => gatewayObservability({ address: 'gateway:8405', alerts });
const models = (alerts?: object) => modelServersObservability({ alerts });
const registry = (alerts?: object) =>
  modelRegistryObservability({ job: 'registry', address: 'registry:5000', metricsAddress: 'registry:5001', alerts });

function alert(observability: Observability, name: string) {
  return observability.alerts!.find((one) => one.name === name)!;
}

test('the defaults', () => {
  expect(alert(gateway(), 'GatewayErrors').expr).toMatch(/ > 0\.05$/);
  expect(alert(gateway(), 'GatewayNearlyFull').expr).toMatch(/ > 0\.8$/);
  expect(alert(gateway(), 'ModelWithoutServer').forDuration).toBe('15s');
  expect(alert(models(), 'ModelErrors').expr).toMatch(/ > 0\.05$/);
  expect(alert(models(), 'ModelSlow').expr).toMatch(/ > 1$/);
  expect(alert(models(), 'ModelWithoutTraffic').forDuration).toBe('60m');
  expect(alert(registry(), 'ModelRegistryErrors').expr).toMatch(/ > 0\.05$/);
  expect(alert(registry(), 'ModelRegistrySlow').expr).toMatch(/ > 5$/);
  expect(alert(trainingObservability(), 'TrainingTooOld').expr).toMatch(/ > 30$/);
});

test('a threshold that is given is used', () => {
  expect(alert(models({ latencySeconds: 0.2 }), 'ModelSlow').expr).toMatch(/ > 0\.2$/);
  expect(alert(trainingObservability({ maxAgeDays: 7 }), 'TrainingTooOld').expr).toMatch(/ > 7$/);
});

test.each([
  ['5 per cent as 5', () => models({ errorShare: 5 }), "model servers: 'alerts.errorShare' is 5; want a share"],
  ['a share that always fires', () => gateway({ errorShare: 0 }), "Gateway: 'alerts.errorShare' is 0"],
  ['a share that never fires', () => gateway({ connectionShare: 1 }), "Gateway: 'alerts.connectionShare' is 1"],
  [
    'a latency of nothing',
    () => models({ latencySeconds: 0 }),
    "'alerts.latencySeconds' is 0; want from 0.001 to 600 seconds",
  ],
  ['a text', () => models({ latencySeconds: '1s' }), '\'alerts.latencySeconds\' is "1s"'],
  ['no traffic for no time', () => models({ noTrafficMinutes: 0 }), "'alerts.noTrafficMinutes' is 0"],
  ['a negative wait', () => gateway({ noServerSeconds: -1 }), "'alerts.noServerSeconds' is -1"],
  ['a negative age', () => trainingObservability({ maxAgeDays: -1 }), "TrainingRunner: 'maxAgeDays' is -1"],
  ['a failing registry', () => registry({ errorShare: 1.5 }), "ModelRegistry: 'alerts.errorShare' is 1.5"],
])('%s is refused', (_name, make, message) => {
  expect(make).toThrow(message);
});

test('the gateway is probed the way that clients take, whatever name its certificate has', () => {
  const probes = (healthUrl?: string) => gatewayObservability({ address: 'g:8405', healthUrl }).jobs!.slice(1);
  expect(probes()).toEqual([]);
  expect(probes('http://g:8080/-/healthy')).toEqual([
    { name: 'gateway-health', targets: ['http://g:8080/-/healthy'], probe: 'http_2xx' },
  ]);
  expect(probes('https://g:8443/-/healthy')[0].probe).toBe('http_2xx_any_certificate');
});

test('selectors are quoted', () => {
  expect(selector('up')).toBe('up');
  expect(selector('up', { a: 'b"c', d: '!=e', f: '=~g.*', h: '!~i|j' })).toBe('up{a="b\\"c",d!="e",f=~"g.*",h!~"i|j"}');
  expect(failureShare('all', 'good')).toBe('1 - (good or 0 * all) / (all > 0)');
});
