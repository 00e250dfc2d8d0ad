// Containers, networks and volumes with ordinary options, by dockerode. Prints what
// it made, as inspect shows it, and removes it.
const Docker = require('dockerode');

const [host, name] = process.argv.slice(2);
const url = new URL(host);
const docker = new Docker(url.protocol === 'unix:'
  ? { socketPath: url.pathname }
  : { protocol: 'http', host: url.hostname, port: url.port });

function show(container) {
  const config = container.Config;
  if (container.Id.startsWith(config.Hostname)) config.Hostname = '';
  console.log(JSON.stringify([config, container.HostConfig]));
}

async function output(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

async function main() {
  const volume = await docker.createVolume({ Name: `${name}-vol`, Labels: { a: 'b' } });
  const network = await docker.createNetwork({ Name: `${name}-net`, Driver: 'bridge', CheckDuplicate: true });
  const container = await docker.createContainer({
    // dockerode sends its own parameters in the body as well.
    name,
    platform: '',
    Image: 'busybox:latest',
    Cmd: ['sleep', '600'],
    Env: ['A=b'],
    Labels: { c: 'd' },
    User: '1000',
    WorkingDir: '/tmp',
    ExposedPorts: { '80/tcp': {} },
    HostConfig: {
      Binds: [`${name}-vol:/v`],
      NetworkMode: `${name}-net`,
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      Memory: 64 * 1024 * 1024,
      NanoCpus: 500000000,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Tmpfs: { '/t': 'size=1m' },
      Init: true,
    },
    NetworkingConfig: { EndpointsConfig: { [`${name}-net`]: { Aliases: ['web'] } } },
  });
  try {
    show(await container.inspect());
    await container.start();
    const exec = await container.exec({ Cmd: ['id', '-u'], AttachStdout: true, AttachStderr: true });
    console.log((await output(await exec.start({ hijack: true, stdin: false }))).trim());
    await container.update({ Memory: 96 * 1024 * 1024, MemorySwap: 192 * 1024 * 1024 });
    await container.restart({ t: 0 });
  } finally {
    await container.remove({ force: true, v: true });
    await network.remove();
    await volume.remove();
  }
  const stream = new (require('node:stream').Writable)({ write: (piece, _, done) => done() });
  const create = { HostConfig: { AutoRemove: true } };
  const [end] = await docker.run('busybox:latest', ['sh', '-c', 'exit 3'], stream, create);
  console.log(end.StatusCode);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
