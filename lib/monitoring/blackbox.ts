import { toYaml } from '../core/yaml';

/** How the blackbox exporter can look at something, by the name that a scrape job's `probe` gives. */
export const PROBE_MODULES: Readonly<Record<string, object>> = {
  /** A GET is answered with 2xx. */
  http_2xx: { prober: 'http', timeout: '5s', http: { preferred_ip_protocol: 'ip4', follow_redirects: true } },
  /** As `http_2xx`, and any certificate is taken: for one that a private authority signed. */
  http_2xx_any_certificate: {
    prober: 'http',
    timeout: '5s',
    http: { preferred_ip_protocol: 'ip4', follow_redirects: true, tls_config: { insecure_skip_verify: true } },
  },
  /** A GET is refused for want of credentials: the service is there, and closed. */
  http_401: { prober: 'http', timeout: '5s', http: { preferred_ip_protocol: 'ip4', valid_status_codes: [401] } },
  /** A TCP connection is taken. */
  tcp_connect: { prober: 'tcp', timeout: '5s', tcp: { preferred_ip_protocol: 'ip4' } },
};

/** The blackbox exporter's configuration. */
export function renderBlackboxConfig(): string {
  return toYaml({ modules: PROBE_MODULES });
}
