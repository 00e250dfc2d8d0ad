// What dockerode does without `hijack`: no Upgrade, and input behind the body.
// By itself as well, where dockerode is not installed: by node's own HTTP client.
const http = require('node:http');

const [host, name] = process.argv.slice(2);
const target = new URL(host);
const where = target.protocol === 'unix:'
  ? { socketPath: target.pathname }
  : { host: target.hostname, port: target.port };

function call(path, body) {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = { 'Content-Type': 'application/json', 'Content-Length': bytes.length };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...where, path, method: 'POST', headers }, (response) => {
      resolve({ request, response });
    });
    request.on('error', reject);
    // Not ended: input may follow.
    request.write(bytes);
  });
}

async function text(response) {
  const pieces = [];
  for await (const piece of response) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

async function main() {
  const Cmd = ['sh', '-c', 'read line; echo "got $line"; read line; echo "got $line"'];
  const streams = { AttachStdin: true, AttachStdout: true, Tty: true };
  const created = await call(`/containers/${name}/exec`, { ...streams, Cmd });
  created.request.end();
  const { Id } = JSON.parse(await text(created.response));
  const started = await call(`/exec/${Id}/start`, { Detach: false, Tty: true });
  console.log(started.response.statusCode);
  started.request.write('one\n');
  started.request.write('two\n');
  const lines = (await text(started.response)).split('\r\n').filter((line) => line.startsWith('got'));
  console.log(lines.join(', '));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
