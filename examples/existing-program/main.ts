import { Container } from '@cdktf/provider-docker/lib/container';
import { Image } from '@cdktf/provider-docker/lib/image';
import { DockerProvider } from '@cdktf/provider-docker/lib/provider';
import { App, LocalBackend, TerraformOutput, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import { ArtifactStore, Database, DockerPlatform, ModelRegistry, Publish, Secret } from 'cdktf-mlops';

/** A program as it may have been for years: a docker provider, configured its own way, and a web shop. */
class Shop extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    // Beside the program and not in cdktf.out, which may be thrown away.
    new LocalBackend(this, { path: '../../../shop.tfstate' });
    new DockerProvider(this, 'docker', { host: 'unix:///var/run/docker.sock' });

    const image = new Image(this, 'shop-image', { name: 'nginx:1.29.1', keepLocally: true });
    new Container(this, 'shop', {
      name: 'shop',
      image: image.imageId,
      ports: [{ internal: 80, external: 8000, ip: '127.0.0.1' }],
    });

    this.addModelRegistry();
  }

  /** What is new: one construct, on the provider, the database and the bucket that are there already. */
  private addModelRegistry(): void {
    const registry = new ModelRegistry(this, 'registry', {
      platform: new DockerPlatform(this, 'platform', { environment: 'shop-ml' }),
      database: Database.fromExisting({
        host: 'postgres.example.com',
        databaseName: 'mlflow',
        username: 'mlflow',
        password: Secret.fromVariable(this, 'database_password', 'password of the role mlflow'),
      }),
      artifacts: ArtifactStore.fromBucket({
        endpointUrl: 'https://s3.eu-central-1.amazonaws.com',
        bucket: 'shop-models',
        region: 'eu-central-1',
        accessKey: Secret.fromVariable(this, 's3_access_key', 'access key id for the bucket shop-models'),
        secretKey: Secret.fromVariable(this, 's3_secret_key', 'secret access key for the bucket shop-models'),
      }),
      publish: Publish.onLoopback(5000),
    });

    new TerraformOutput(this, 'tracking_uri', { value: registry.endpoint.publishedUrl });
    new TerraformOutput(this, 'admin_password', { value: registry.admin.password.value, sensitive: true });
  }
}

const app = new App();
new Shop(app, 'shop');
app.synth();
