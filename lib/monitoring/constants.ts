/** Where Prometheus sees the files that a release publishes. */
export const LIVE_MOUNT = '/live';

/** Directory of an ordinary file of Prometheus. */
export const RULES_FILE = '/etc/prometheus/rules.yml';

/** Id of the data source that every dashboard names. */
export const DATASOURCE_UID = 'prometheus';
