import { CommandError } from './command-error';
import { Credential } from './components';

/** The little that the command asks of an MLflow registry. */
export class RegistryClient {
  constructor(
    private readonly url: string,
    private readonly credential: Credential,
  ) {}

  /** Version numbers of a registered model, ascending; none when there is no such model. */
  public async versions(model: string): Promise<number[]> {
    const filter = encodeURIComponent(`name='${model}'`);
    const answer = await this.get(`/api/2.0/mlflow/model-versions/search?max_results=1000&filter=${filter}`);
    const { model_versions: found = [] } = answer as { model_versions?: Array<{ version: string; status?: string }> };
    return found
      .filter(({ status }) => status === undefined || status === 'READY')
      .map(({ version }) => Number(version))
      .sort((a, b) => a - b);
  }

  private async get(path: string): Promise<unknown> {
    const { username = 'admin', password } = this.credential;
    let answer: Response;
    try {
      answer = await fetch(`${this.url}${path}`, {
        headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
        signal: AbortSignal.timeout(30_000),
      });
    } catch (error) {
      throw new CommandError(`the model registry ${this.url} does not answer`, {
        remedy: '`cdktf-mlops status` shows what is wrong with it.',
        cause: error,
      });
    }
    if (!answer.ok) {
      throw new CommandError(`the model registry answers ${answer.status} to ${path.split('?')[0]}`, {
        log: (await answer.text()).split('\n').slice(0, 5),
        remedy:
          answer.status === 401 || answer.status === 403
            ? "the output 'credentials' names another password than the registry has: deploy the environment again."
            : '`cdktf-mlops status` shows how the registry is, `docker logs` of its container why; then run this again.',
      });
    }
    return answer.json();
  }
}
