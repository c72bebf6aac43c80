import { SECRETS_DIRECTORY } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { checkLabel } from '../core/names';
import { Severity } from '../core/observability';
import { checkPort } from '../core/quantity';
import { Secret } from '../core/secret';

/** What all receivers take. */
export interface AlertReceiverOptions {
  /** Which alerts it gets. @default - pages and tickets */
  readonly severities?: Severity[];
  /** Tell it too when an alert is over. @default true */
  readonly sendResolved?: boolean;
}

/** What {@link AlertReceiver.webhookFromSecret} takes. */
export interface SecretWebhookOptions extends AlertReceiverOptions {
  /** Port of the URL: in a cluster Alertmanager is let out to no other. @default 443 */
  readonly port?: number;
}

/** What {@link AlertReceiver.slack} takes. */
export interface SlackReceiverOptions extends AlertReceiverOptions {
  /** For example `#ml-alerts`. @default - the channel of the webhook */
  readonly channel?: string;
}

/** What {@link AlertReceiver.email} takes. */
export interface EmailReceiverProps extends AlertReceiverOptions {
  /** Addresses of those who get it. */
  readonly to: string[];
  /** Address of the sender. */
  readonly sender: string;
  /** Mail server, `host:port`. */
  readonly smarthost: string;
  /** Login at the mail server. @default - none */
  readonly username?: string;
  /** Password of the login. @default - none */
  readonly password?: Secret;
  /** Refuse a mail server without STARTTLS. @default true */
  readonly requireTls?: boolean;
}

/** Stands for a host that nobody may read; the top-level domain is reserved for names that never resolve. */
const SOMEWHERE = 'secret.invalid';

const DEFAULT_SEVERITIES = [Severity.PAGE, Severity.TICKET];
const TITLE = '{{ .Status | toUpper }} {{ .CommonLabels.alertname }} {{ .CommonLabels.environment }}';
const TEXT = '{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.runbook }}\n{{ end }}';

/** Who is told about alerts. Secrets reach Alertmanager as files. Immutable. */
export class AlertReceiver {
  /**
   * A POST of Alertmanager's JSON to a URL that is no secret.
   *
   * @param name RFC 1123 label, unique among the receivers
   * @throws when the URL is malformed or holds a user or a query, which belong into a secret
   */
  public static webhook(name: string, url: string, options: AlertReceiverOptions = {}): AlertReceiver {
    check(
      /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[^\s?#@]*)?$/.test(url),
      'AlertReceiver.webhook',
      'url',
      url.includes('@') || url.includes('?') ? '(a URL with credentials or a query, not shown)' : url,
      'write http(s)://host[:port][/path]; a URL that is a secret goes to AlertReceiver.webhookFromSecret',
    );
    return new AlertReceiver(
      name,
      options,
      {},
      (common) => ({ webhook_configs: [{ ...common, url }] }),
      Endpoint._fromUrl('AlertReceiver.webhook', 'url', url),
    );
  }

  /** A POST of Alertmanager's JSON to a URL that nobody may read. */
  public static webhookFromSecret(name: string, url: Secret, options: SecretWebhookOptions = {}): AlertReceiver {
    const file = `${name}-url`;
    const port = options.port ?? 443;
    checkPort('AlertReceiver.webhookFromSecret', 'port', port);
    return new AlertReceiver(
      name,
      options,
      { [file]: url },
      (common) => ({ webhook_configs: [{ ...common, url_file: `${SECRETS_DIRECTORY}/${file}` }] }),
      Endpoint.fromUrl(`https://${SOMEWHERE}:${port}`),
    );
  }

  /** A message in Slack, by the URL of an incoming webhook, which is a secret. */
  public static slack(name: string, webhookUrl: Secret, options: SlackReceiverOptions = {}): AlertReceiver {
    const file = `${name}-url`;
    const { channel } = options;
    if (channel !== undefined) {
      check(/^[#@]?[\w.-]+$/.test(channel), 'AlertReceiver.slack', 'channel', channel, "write it as '#channel'");
    }
    const render = (common: object) => ({
      slack_configs: [
        {
          ...common,
          api_url_file: `${SECRETS_DIRECTORY}/${file}`,
          ...(channel === undefined ? {} : { channel }),
          title: TITLE,
          text: TEXT,
        },
      ],
    });
    return new AlertReceiver(
      name,
      options,
      { [file]: webhookUrl },
      render,
      Endpoint.fromUrl('https://hooks.slack.com'),
    );
  }

  /**
   * An e-mail.
   *
   * @throws when an address or the mail server is malformed, or a login is half given
   */
  public static email(name: string, props: EmailReceiverProps): AlertReceiver {
    const where = 'AlertReceiver.email';
    check(props.to.length > 0, where, 'to', props.to, 'name at least one address');
    for (const address of [...props.to, props.sender]) {
      check(/^[^\s@,<>]+@[^\s@,<>]+$/.test(address), where, 'to and sender', address, 'write user@host');
    }
    const smarthost = /^[A-Za-z0-9.-]+:(\d{1,5})$/.exec(props.smarthost);
    check(smarthost !== null, where, 'smarthost', props.smarthost, 'write host:port');
    checkPort(where, 'smarthost', Number(smarthost[1]));
    check(
      (props.username === undefined) === (props.password === undefined),
      where,
      'password',
      '(not shown)',
      'give username and password together, or neither',
    );
    const file = `${name}-password`;
    const secrets = props.password === undefined ? {} : { [file]: props.password };
    const render = (common: object) => ({
      email_configs: [
        {
          ...common,
          to: props.to.join(', '),
          from: props.sender,
          smarthost: props.smarthost,
          require_tls: props.requireTls ?? true,
          ...(props.username === undefined
            ? {}
            : { auth_username: props.username, auth_password_file: `${SECRETS_DIRECTORY}/${file}` }),
          headers: { subject: TITLE },
        },
      ],
    });
    return new AlertReceiver(
      name,
      props,
      secrets,
      render,
      Endpoint._fromUrl('AlertReceiver.email', 'smarthost', `smtp://${props.smarthost}`),
    );
  }

  /** Which alerts it gets. */
  public readonly severities: Severity[];
  /** It hears of the end of an alert. */
  public readonly sendResolved: boolean;

  private constructor(
    /** Name in Alertmanager. */
    public readonly name: string,
    options: AlertReceiverOptions,
    private readonly files: Record<string, Secret>,
    private readonly render: (common: object) => object,
    private readonly endpoint: Endpoint,
  ) {
    checkLabel('AlertReceiver', 'name', name);
    this.severities = [...(options.severities ?? DEFAULT_SEVERITIES)];
    this.sendResolved = options.sendResolved ?? true;
    check(this.severities.length > 0, 'AlertReceiver', 'severities', this.severities, 'name at least one');
    for (const severity of this.severities) {
      check(
        DEFAULT_SEVERITIES.includes(severity),
        'AlertReceiver',
        'severities',
        severity,
        'use Severity.PAGE and Severity.TICKET; the heartbeat has a receiver of its own',
      );
    }
  }

  /**
   * The receiver as Alertmanager writes it.
   * @internal
   */
  public _config(): object {
    return { name: this.name, ...this.render({ send_resolved: this.sendResolved }) };
  }

  /**
   * Secret files that it reads.
   * @internal
   */
  public _secrets(): Record<string, Secret> {
    return this.files;
  }

  /**
   * Where Alertmanager reaches it.
   * @internal
   */
  public _reaches(): Endpoint {
    return this.endpoint;
  }
}
